import { activeContext, runInContext } from '@throughline/core';
import { isTracingSuppressed, Scope, suppressTracing, writesIntoUndici } from '@throughline/core/seam';
import type { HttpClientOptions } from '@throughline/http-semantics';
import { createRequestTracer } from './redirects-by-client/request-tracer.ts';
import { type DispatchTarget, dispatchedUrl } from './undici/dispatched-url.ts';
import { observedHandler } from './undici/observed-handler.ts';
import { headerReader, readableHeaders, writableHeaders } from './undici/undici-headers.ts';

/** The options of undici's `dispatch` that are used here. */
interface DispatchOptions extends DispatchTarget {
  readonly method: string;
  /** In any of undici's forms. Absent: none. */
  readonly headers?: unknown;
}

/** undici's `Dispatcher.dispatch`; generic, so that the types of any installed undici fit. */
type Dispatch<Options, Handler> = (options: Options, handler: Handler) => boolean;

/**
 * Returns an interceptor for undici dispatchers. It records one CLIENT span per dispatched request and injects the
 * active context into its headers.
 *
 * **Put it first in `compose`, nearest to the wire**: an interceptor that follows redirects below it sends the headers
 * to every origin that it is redirected to. In first place, every retry and redirect of other interceptors, and of
 * `fetch`, has a span of its own, which says how often the interceptor right above has sent the request before. Calls
 * made through `tracedFetch` are not recorded twice.
 *
 * @throws TypeError at set-up when an option has the wrong type. Never throws when dispatching.
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span
 * @example
 * const agent = new Agent().compose(traceInterceptor());
 */
export function traceInterceptor(options: HttpClientOptions = {}) {
  const scope = new Scope('fetch', 'traceInterceptor()');
  const trace = createRequestTracer(options, scope);
  // undici's retries and redirects dispatch again with the same handler.
  const attempts = new WeakMap<object, number>();

  return function traceInterceptor<Options extends DispatchOptions, Handler extends object>(
    dispatch: Dispatch<Options, Handler>,
  ): Dispatch<Options, Handler> {
    return function tracedDispatch(request, handler) {
      const parent = activeContext();
      const url = dispatchedUrl(request);
      // undici itself rejects what is not a request or not a handler.
      if (url === undefined || Object(handler) !== handler || isTracingSuppressed(parent))
        return dispatch(request, handler);
      const own = readableHeaders(request.headers);
      const header = headerReader(own);
      const resendCount = attempts.get(handler) ?? 0;
      attempts.set(handler, resendCount + 1);
      const traced = trace({ method: request.method, url, resendCount, header }, parent);
      const headers = writableHeaders(own);
      // It would write a second set of headers.
      if (!writesIntoUndici()) traced.inject(headers);
      // In the caller's context, not in the suppressed one of the wire: interceptors retry and redirect from there.
      const observed = observedHandler(handler, traced, parent);
      try {
        return runInContext(suppressTracing(traced.context), () =>
          dispatch({ ...request, headers }, observed),
        );
      } catch (error) {
        traced.endWithError(error);
        throw error;
      }
    };
  };
}
