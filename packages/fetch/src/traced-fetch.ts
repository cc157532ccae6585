import { activeContext, runInContext } from '@throughline/core';
import { guarded, isTracingSuppressed, Scope, suppressTracing } from '@throughline/core/seam';
import {
  type CallPropagation,
  checkHttpClientOptions,
  createHttpClientTracer,
  createOutboundInjection,
  type HttpClientOptions,
  type HttpClientOutcome,
} from '@throughline/http-semantics';
import { callsWithoutParent, noteCall } from '@throughline/self-check';
import { type FetchCall, type FetchInput, httpUrl } from './fetch-call.ts';
import { Hops } from './hops.ts';
import { observeBody } from './response-body.ts';
import { sendByUndici } from './send-by-undici.ts';
import { sendHopByHop } from './send-hop-by-hop.ts';
import { underlyingFetch } from './underlying-fetch.ts';
import { isUndiciFetch } from './undici-fetch.ts';

/** Options of {@link createTracedFetch}. */
export interface TracedFetchOptions extends HttpClientOptions {
  /** What sends the requests. Default: the global `fetch`, looked up at each call, or what was there before us. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /**
   * When the span of the last hop ends: with the response's `headers`, as the conventions have it, since nobody
   * need ever read the body; or with the `body`, at its end, its error or its cancellation. With a body that is
   * neither read nor cancelled it ends when the connection breaks or the response is garbage-collected; one that is kept
   * and never read leaves its span open, since no timer runs for it. Default: `headers`.
   */
  readonly endOn?: 'headers' | 'body' | undefined;
}

/** What `fetch` takes, and what this one call may decide for itself. */
export interface TracedRequestInit extends RequestInit {
  readonly trace?: CallPropagation;
}

/** As the global `fetch`. */
export type TracedFetch = (input: FetchInput, init?: TracedRequestInit) => Promise<Response>;

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
 * With Node's fetch and undici's, redirects and all checks are left to it. Any other function is sent one request
 * at a time, with `redirect: 'manual'`; through it, a request with `integrity` or in `no-cors` mode is sent without
 * our headers, because its redirects cannot be seen.
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
  const tracing = {
    startCall: createHttpClientTracer(client, scope),
    inject: createOutboundInjection(client),
  };
  const underlying = underlyingFetch(tracedFetch, given);
  return tracedFetch;

  async function tracedFetch(input: FetchInput, init?: TracedRequestInit): Promise<Response> {
    const parent = activeContext();
    if (callsWithoutParent.watching) noteCall(parent, tracedFetch);
    const fetch = underlying.find(parent);
    const context = underlying.calling(fetch, suppressTracing(parent));
    if (isTracingSuppressed(parent)) return runInContext(context, () => fetch(input, init));
    const hops = new Hops(tracing, parent, policyOf(init), httpUrl(input)?.hash ?? '');
    const call: FetchCall = { fetch, input, init, hops, context };
    try {
      const response = await (isUndiciFetch(fetch) ? sendByUndici(call) : sendHopByHop(call));
      if (endOn === 'body')
        return observeBody(response, (error) =>
          hops.end({ ...outcomeOf(response), ...failure(error, call) }),
        );
      hops.end(outcomeOf(response));
      return response;
    } catch (error) {
      hops.end(failure(error, call));
      throw error;
    }
  }
}

/**
 * `fetch` with the active context in its headers and a CLIENT span around it. The ready-made
 * {@link createTracedFetch} with its defaults.
 *
 * @example
 * const response = await tracedFetch('http://orders:8080/orders/42');
 */
export const tracedFetch: TracedFetch = createTracedFetch();

/** What the call decides for itself; a getter of the caller's that throws decides nothing. */
function policyOf(init: TracedRequestInit | null | undefined): CallPropagation | undefined {
  return guarded('init.trace threw; the options decide', () => init?.trace);
}

function outcomeOf(response: Response): HttpClientOutcome {
  // The status of an opaque response is nobody's.
  const statusCode = response.status === 0 ? undefined : response.status;
  return { statusCode, header: (name) => response.headers.get(name) };
}

/** An abort that the caller asked for is no error; running into the caller's own time limit is. */
function failure(error: unknown, { signal }: FetchCall): HttpClientOutcome {
  if (error === undefined) return {};
  const cancelled = signal?.aborted === true && (signal.reason as Error | undefined)?.name !== 'TimeoutError';
  return { error, cancelled };
}
