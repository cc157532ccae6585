import { runInContext } from '@throughline/core';
import { httpUrl, sentMethod } from '../fetch-call/fetch-arguments.ts';
import type { FetchCall } from '../fetch-call/fetch-call.ts';
import { HopDispatcher } from './hop-dispatcher.ts';
import { overlaidInit } from './overlaid-init.ts';
import { requestClass } from './request-class.ts';
import { WatchedRequest } from './watched-request.ts';

/**
 * Sends a call by undici's fetch, which follows redirects itself and behaves as it does without us.
 *
 * Its requests are observed where it passes them to its dispatcher or, for a `Request` that may hold a dispatcher of its
 * own, where it publishes them.
 */
export async function sendByUndici(call: FetchCall): Promise<Response> {
  const made = requestClass(call.input);
  if (made === undefined) return sendDispatched(call);
  const chosen = (call.init as { dispatcher?: unknown } | null | undefined)?.dispatcher;
  return chosen ? sendDispatched(call) : sendRequest(call, made);
}

async function sendDispatched(call: FetchCall): Promise<Response> {
  const { fetch, input, init, hops, context } = call;
  let method: unknown;
  const member = (name: string | symbol, read: () => unknown): unknown => {
    const value = read();
    if (name === 'method') method = value;
    if (name === 'signal') call.signal = value as AbortSignal;
    if (name !== 'dispatcher') return value;
    // `fetch` rejects what is neither absent nor an object.
    return value === undefined || value ? new HopDispatcher(hops, value as never) : value;
  };
  let own: unknown = init;
  if (init === undefined || init === null) own = { dispatcher: new HopDispatcher(hops, undefined) };
  else if (Object(init) === init) own = overlaidInit(init, member);
  try {
    return await runInContext(context, () => fetch(input, own as RequestInit));
  } catch (error) {
    // A call that `fetch` rejects as wrong has no span. One that fails before anything is sent has.
    const failed = call.signal?.aborted === true || (error as Error | undefined)?.message === 'fetch failed';
    const url = hops.sent === 0 && failed ? httpUrl(input) : undefined;
    if (url) hops.next({ method: sentMethod(method), url, headers: {}, header: () => null });
    throw error;
  }
}

/** Keeps the request alive while its response is in use, or the caller's signal would no longer reach it. */
const requestOf = new WeakMap<object, Request>();

async function sendRequest(call: FetchCall, made: typeof Request): Promise<Response> {
  const { fetch, input, init, hops, context } = call;
  // fetch begins by copying its arguments, too. We may write to the headers of this copy.
  const request = new made(input as Request, init as RequestInit);
  const url = httpUrl(request);
  call.signal = request.signal;
  const { method, headers, referrer, referrerPolicy } = request;
  // Passed again, because undici 7 loses them when a request is constructed from another.
  const send = () => fetch(request, { referrer, referrerPolicy });
  if (url === undefined) return runInContext(context, send);
  const before = request.redirect === 'follow' ? new Map(headers) : undefined;
  hops.next({ method, url, headers, header: (name) => headers.get(name) });
  const watched = before && new WatchedRequest(hops, before, headers);
  try {
    const response = await runInContext(watched?.in(context) ?? context, send);
    requestOf.set(response, request);
    if (response.body) requestOf.set(response.body, request);
    return response;
  } finally {
    watched?.done();
  }
}
