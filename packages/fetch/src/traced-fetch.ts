import { activeContext, runInContext } from '@throughline/core';
import {
  callsWithoutParent,
  isTracingSuppressed,
  noteCall,
  Scope,
  suppressTracing,
} from '@throughline/core/adapter';
import { createHttpClientTracer, type HttpClientCall } from './http-client.ts';
import {
  checkHttpClientOptions,
  type HttpClientOptions,
  type HttpClientOutcome,
} from './http-client-options.ts';
import { type CallPropagation, createOutboundInjection } from './outbound-injection.ts';
import { createRedirects, type Hop } from './redirects.ts';
import { observeBody } from './response-body.ts';

/** Options of {@link createTracedFetch}. */
export interface TracedFetchOptions extends HttpClientOptions {
  /** What sends the requests. Default: the global `fetch`, looked up at each call. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /**
   * When the span of the last hop ends: with the response's `headers`, as the conventions have it, since nobody
   * need ever read the body; or with the `body`, at its end, its error or its cancellation. A body that is
   * neither read nor cancelled then leaves its span open. Default: `headers`.
   */
  readonly endOn?: 'headers' | 'body' | undefined;
}

/** What `fetch` takes, and what this one call may decide for itself. */
export interface TracedRequestInit extends RequestInit {
  readonly trace?: CallPropagation;
}

/** As the global `fetch`. */
export type TracedFetch = (input: string | URL | Request, init?: TracedRequestInit) => Promise<Response>;

/**
 * A drop-in for `fetch` that records one CLIENT span per request sent and hands the active context on in its
 * headers.
 *
 * - What is passed in is not changed: not `init`, not its headers, not a `Request`.
 * - Each redirect hop has a span of its own, and it is decided anew what its headers may tell.
 * - Exactly one `traceparent` leaves, whatever else is installed: instrumentation of the fetch underneath is
 *   suppressed for the call.
 * - Nothing is added to a request that was already signed (AWS Signature Version 4).
 *
 * A request whose `integrity` is set is sent untouched, in a span of its own: its redirects cannot be followed
 * one by one.
 *
 * @throws TypeError at set-up when an option has the wrong type. Calls reject as the underlying fetch does.
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span
 * @example
 * const fetchPartner = createTracedFetch({ propagateTo: ['https://api.partner.example'] });
 */
export function createTracedFetch(options: TracedFetchOptions = {}): TracedFetch {
  const { fetch: given, endOn, ...client } = options;
  const scope = new Scope('fetch', 'createTracedFetch()');
  checkHttpClientOptions(options, scope, {
    fetch: 'function',
    endOn: [(value) => value === 'headers' || value === 'body', "'headers' or 'body'"],
  });
  const startCall = createHttpClientTracer(client, scope);
  const inject = createOutboundInjection(client);

  return async function tracedFetch(input, init) {
    const send = given ?? globalThis.fetch;
    const { trace: policy, ...plain } = membersOf(init);
    const parent = activeContext();
    if (callsWithoutParent.watching) noteCall(parent, tracedFetch);
    const url = httpUrl(input);
    if (url === undefined || isTracingSuppressed(parent)) return send(input, plain);
    const redirects = createRedirects(input, plain, url);

    for (let hop: Hop = redirects.first; ; ) {
      const { request, url: hopUrl, resendCount } = hop;
      const headers = new Headers(request.init.headers ?? (request.input as Partial<Request>).headers);
      const method = methodOf(request.input, request.init);
      const call = startCall(
        { method, url: hopUrl, resendCount, header: (name) => headers.get(name) },
        parent,
      );
      if (redirects.mayInject)
        inject(call.context, headers, hopUrl, {
          ...policy,
          redirectedFrom: url,
          authorization: headers.get('authorization'),
        });
      const { signal = (request.input as Partial<Request>).signal } = request.init;
      try {
        const response = await runInContext(suppressTracing(call.context), () =>
          send(request.input, { ...request.init, headers, redirect: redirects.mode }),
        );
        const next = await redirects.follow(hop, response);
        if (next !== undefined) {
          call.end(outcomeOf(response));
          hop = next;
          continue;
        }
        return endOn === 'body'
          ? observeBody(response, ending(call, response, signal))
          : ended(call, response);
      } catch (error) {
        call.end(failure(error, signal));
        throw error;
      }
    }
  };
}

/**
 * `fetch` with the active context in its headers and a CLIENT span around it. The ready-made
 * {@link createTracedFetch} with its defaults.
 *
 * @example
 * const response = await tracedFetch('http://orders:8080/orders/42');
 */
export const tracedFetch: TracedFetch = createTracedFetch();

/** The URL of a request that goes over HTTP; `undefined` for `data:`, `blob:` and what is no URL at all. */
function httpUrl(input: string | URL | Request): URL | undefined {
  const text = typeof input === 'string' ? input : input instanceof URL ? input.href : input?.url;
  try {
    const url = new URL(text);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
  } catch {
    // What it is, `fetch` says itself.
    return undefined;
  }
}

/** What `fetch` reads beyond an object's own properties: a `Request` may stand in for `init`. */
const INHERITED =
  'method headers body referrer referrerPolicy mode credentials cache redirect integrity keepalive signal duplex';

function membersOf(init: TracedRequestInit | undefined): TracedRequestInit {
  const members: Record<string, unknown> = { ...init };
  if (init instanceof Request)
    for (const name of INHERITED.split(' ')) members[name] = init[name as keyof Request];
  return members;
}

const NORMALIZED = /^(get|head|post|put|delete|options)$/i;

/** As `fetch` will send it: six methods are put into upper case, others are left as they are. */
function methodOf(input: string | URL | Request, init: RequestInit): string {
  const method = init.method ?? (input as Partial<Request>).method ?? 'GET';
  return NORMALIZED.test(method) ? method.toUpperCase() : method;
}

function outcomeOf(response: Response): HttpClientOutcome {
  return { statusCode: response.status, header: (name) => response.headers.get(name) };
}

function ended(call: HttpClientCall, response: Response): Response {
  call.end(outcomeOf(response));
  return response;
}

function ending(call: HttpClientCall, response: Response, signal: AbortSignal | null | undefined) {
  return (error?: unknown) =>
    call.end({ ...outcomeOf(response), ...(error !== undefined && failure(error, signal)) });
}

/** An abort that the caller asked for is no error; running into the caller's own time limit is. */
function failure(error: unknown, signal: AbortSignal | null | undefined): HttpClientOutcome {
  const cancelled = signal?.aborted === true && (signal.reason as Error | undefined)?.name !== 'TimeoutError';
  return { error, cancelled };
}
