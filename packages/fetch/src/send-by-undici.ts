import { runInContext } from '@throughline/core';
import { type FetchCall, httpUrl, sentMethod } from './fetch-call.ts';
import { HopDispatcher } from './hop-dispatcher.ts';
import { overlaidInit } from './overlaid-init.ts';
import { requestClass } from './request-class.ts';
import { WatchedRequest } from './request-hops.ts';

/**
 * Sends a call by undici's fetch, which follows redirects itself: what it does, it does as without us.
 *
 * The requests that it makes are seen where it hands them to its dispatcher or, for a `Request` that may hold a
 * dispatcher of its own, where it publishes them.
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
    // Neither absent nor an object: `fetch` refuses it.
    return value === undefined || value ? new HopDispatcher(hops, value as never) : value;
  };
  let own: unknown = init;
  if (init === undefined || init === null) own = { dispatcher: new HopDispatcher(hops, undefined) };
  else if (Object(init) === init) own = overlaidInit(init, member);
  try {
    return await runInContext(context, () => fetch(input, own as RequestInit));
  } catch (error) {
    // What fetch refuses was never a call; one that fails before anything is sent has a span all the same.
    const failed = call.signal?.aborted === true || (error as Error | undefined)?.message === 'fetch failed';
    const url = hops.sent === 0 && failed ? httpUrl(input) : undefined;
    if (url) hops.next({ method: sentMethod(method), url, headers: {}, header: () => null });
    throw error;
  }
}

/** While its response is in use, or the caller's signal would no longer reach it. */
const requestOf = new WeakMap<object, Request>();

async function sendRequest(call: FetchCall, made: typeof Request): Promise<Response> {
  const { fetch, input, init, hops, context } = call;
  // What fetch does first with what it is given; the copy's headers are ours to write to.
  const request = new made(input as Request, init as RequestInit);
  const url = httpUrl(request);
  call.signal = request.signal;
  const { method, headers, referrer, referrerPolicy } = request;
  // Given again: undici 7 loses them when one request is made from another.
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
