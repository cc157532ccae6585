import { activeContext, runInContext } from '@throughline/core';
import { guarded, isTracingSuppressed, Scope, suppressTracing } from '@throughline/core/seam';
import {
  type CallPropagation,
  createHttpClientTracer,
  createOutboundInjection,
  type HttpClientOptions,
  type HttpClientOutcome,
} from '@throughline/http-semantics';
import { callsWithoutParent, noteCall } from '@throughline/self-check';
import { type FetchInput, fragmentOf } from './fetch-call/fetch-arguments.ts';
import type { FetchCall } from './fetch-call/fetch-call.ts';
import { Hops } from './fetch-call/hops.ts';
import { isUndiciFetch } from './fetch-call/is-undici-fetch.ts';
import { observeBody } from './fetch-call/observe-body.ts';
import { underlyingFetch } from './fetch-call/underlying-fetch.ts';
import { sendByUndici, startUnsent } from './redirects-by-undici/send-by-undici.ts';
import { sendHopByHop } from './redirects-hop-by-hop/send-hop-by-hop.ts';

/** Options of {@link createTracedFetch}. */
export interface TracedFetchOptions extends HttpClientOptions {
  /**
   * Sends the requests. Default: the global `fetch`, looked up at each call; where that leads back to us, the one before.
   */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /**
   * When the span of the last hop ends: with the response's `headers`, as the conventions say, because the body may
   * never be read; or with the `body`, at its end, its error or its cancellation. With a body that is neither read nor
   * cancelled, the span ends when the connection breaks or the response is garbage-collected. A response that is kept and
   * never read leaves its span open, because there is no timer. Default: `headers`.
   */
  readonly endOn?: 'headers' | 'body' | undefined;
}

/** The options of `fetch`, and those of tracing this one call. */
export interface TracedRequestInit extends RequestInit {
  /** Overrides the target options for this call. Absent: they decide. */
  readonly trace?: CallPropagation;
}

/** Has the shape of the global `fetch`. */
export type TracedFetch = (input: FetchInput, init?: TracedRequestInit) => Promise<Response>;

/**
 * Returns a drop-in replacement for `fetch` that records one CLIENT span per request sent and injects the active
 * context into its headers.
 *
 * - Arguments are not changed: not `init`, not its headers, not a `Request`.
 * - Each redirect hop has a span of its own, and whether its headers carry the context is decided for each hop.
 * - Exactly one `traceparent` is sent, regardless of what else is installed: instrumentation of the fetch underneath is
 *   suppressed for the call.
 * - Nothing is added to a request that was already signed (AWS Signature Version 4).
 *
 * Node's fetch and undici's follow redirects and check requests themselves. Any other function is called once per
 * request, with `redirect: 'manual'`. Through such a function, a request with `integrity` or in `no-cors` mode is sent
 * without our headers, because its redirects cannot be seen.
 *
 * @throws TypeError at set-up when an option has the wrong type. Calls reject as the underlying fetch does.
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span
 * @example
 * const fetchPartner = createTracedFetch({ propagateTo: ['https://api.partner.example'] });
 */
export function createTracedFetch(options: TracedFetchOptions = {}): TracedFetch {
  const startCall = createHttpClientTracer(options, new Scope('fetch', 'createTracedFetch()'), {
    fetch: 'function',
    endOn: [(value) => value === 'headers' || value === 'body', "'headers' or 'body'"],
  });
  const tracing = { startCall, inject: createOutboundInjection(options) };
  const { fetch: given, endOn } = options;
  const underlying = underlyingFetch(tracedFetch, given);
  return tracedFetch;

  async function tracedFetch(input: FetchInput, init?: TracedRequestInit): Promise<Response> {
    const parent = activeContext();
    if (callsWithoutParent.watching) noteCall(parent, tracedFetch);
    const fetch = underlying.find(parent);
    if (isTracingSuppressed(parent))
      return runInContext(underlying.calling(fetch, parent), () => fetch(input, init));
    const context = underlying.calling(fetch, suppressTracing(parent));
    const hops = new Hops(tracing, parent, policyOf(init), fragmentOf(input));
    const call: FetchCall = { fetch, input, init, hops, context, method: undefined, signal: undefined };
    const byUndici = isUndiciFetch(fetch);
    try {
      const response = await (byUndici ? sendByUndici(call) : sendHopByHop(call));
      if (endOn === 'body')
        return observeBody(response, (error) =>
          hops.endWithResponse(response, error === undefined ? undefined : failure(error, call)),
        );
      hops.endWithResponse(response);
      return response;
    } catch (error) {
      if (byUndici) startUnsent(call, error);
      hops.end(failure(error, call));
      throw error;
    }
  }
}

/**
 * Sends a request as `fetch` does, in a CLIENT span and with the active context in its headers. It is what
 * {@link createTracedFetch} returns without options.
 *
 * @example
 * const response = await tracedFetch('http://orders:8080/orders/42');
 */
export const tracedFetch: TracedFetch = createTracedFetch();

/** Returns `init.trace`, or `undefined` if it is null or the caller's getter throws. */
function policyOf(init: TracedRequestInit | null | undefined): CallPropagation | undefined {
  if (init === undefined || init === null) return undefined;
  return guarded('init.trace threw; the options decide', () => init.trace ?? undefined);
}

/** Returns what a call failed with. The caller's abort is not an error; exceeding the caller's own time limit is. */
function failure(error: unknown, { signal }: FetchCall): HttpClientOutcome {
  const cancelled = signal?.aborted === true && (signal.reason as Error | undefined)?.name !== 'TimeoutError';
  return { error, cancelled };
}
