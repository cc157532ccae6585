import { runInContext } from '@throughline/core';
import { httpUrl, sentMethod } from '../fetch-call/fetch-arguments.ts';
import type { FetchCall } from '../fetch-call/fetch-call.ts';
import { dispatchedInit } from './dispatched-init.ts';
import { requestClass } from './request-class.ts';
import { WatchedRequest } from './watched-request.ts';

/**
 * Sends a call by undici's fetch, which follows redirects itself and behaves as it does without us.
 *
 * Its requests are observed where it passes them to its dispatcher or, for a `Request` that may hold a dispatcher of its
 * own, where it publishes them.
 */
export function sendByUndici(call: FetchCall): Promise<Response> {
  const { fetch, input } = call;
  const made = requestClass(input);
  if (made !== undefined && !(call.init as { dispatcher?: unknown } | null | undefined)?.dispatcher)
    return sendRequest(call, made);
  // In the caller's own context: the dispatcher silences other tracing for what it sends.
  return fetch(input, dispatchedInit(call));
}

/** Starts the span of a call that failed before anything was sent. One that `fetch` rejected as wrong has none. */
export function startUnsent({ input, method, signal, hops }: FetchCall, error: unknown): void {
  const failed = signal?.aborted === true || (error as Error | undefined)?.message === 'fetch failed';
  const url = hops.sent === 0 && failed ? httpUrl(input) : undefined;
  if (url !== undefined) hops.next({ method: sentMethod(method), url, headers: {}, header: () => null });
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
