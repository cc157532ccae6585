import { activeContext, runInContext } from '@throughline/core';
import {
  isTracingSuppressed,
  reportOnce,
  Scope,
  suppressTracing,
  writesIntoUndici,
} from '@throughline/core/seam';
import {
  checkHttpClientOptions,
  createHttpClientTracer,
  createOutboundInjection,
  type HttpClientOptions,
} from '@throughline/http-semantics';
import { type DispatchTarget, dispatchedUrl } from './dispatched-url.ts';
import { FollowedRedirects } from './followed-redirects.ts';
import { isAbort } from './is-abort.ts';
import { type HandlerListener, headerPairs, headerReader, observedHandler } from './observed-handler.ts';

/** What undici passes to `dispatch`, as far as it matters here. */
interface DispatchOptions extends DispatchTarget {
  readonly method: string;
  readonly headers?: unknown;
}

/** undici's `Dispatcher.dispatch`; generic, so that the types of whichever undici is installed fit. */
type Dispatch<Options, Handler> = (options: Options, handler: Handler) => boolean;

/**
 * An interceptor for undici dispatchers that records one CLIENT span per request dispatched and hands the active
 * context on in its headers.
 *
 * **Put it first in `compose`, nearest to the wire**: what follows redirects below it takes its headers along to wherever it
 * is sent. In its place every retry and redirect of other interceptors, and of `fetch`, has a span
 * of its own, which says how often the interceptor right above has sent it before. Calls made through `tracedFetch` are not recorded twice.
 *
 * @throws TypeError at set-up when an option has the wrong type. Never throws when dispatching.
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span
 * @example
 * const agent = new Agent().compose(traceInterceptor());
 */
export function traceInterceptor(options: HttpClientOptions = {}) {
  const scope = new Scope('fetch', 'traceInterceptor()');
  checkHttpClientOptions(options, scope);
  const startCall = createHttpClientTracer(options, scope);
  const inject = createOutboundInjection(options);
  // undici's retries and redirects dispatch again with the handler that they dispatched with before.
  const attempts = new WeakMap<object, number>();
  const redirects = new FollowedRedirects();

  return function traceInterceptor<Options extends DispatchOptions, Handler extends object>(
    dispatch: Dispatch<Options, Handler>,
  ): Dispatch<Options, Handler> {
    return function tracedDispatch(request, handler) {
      const parent = activeContext();
      const url = dispatchedUrl(request);
      // What is no request or no handler, undici refuses itself.
      if (url === undefined || Object(handler) !== handler || isTracingSuppressed(parent))
        return dispatch(request, handler);
      const headers = headerPairs(request.headers);
      const header = headerReader(headers);
      const resendCount = attempts.get(handler) ?? 0;
      attempts.set(handler, resendCount + 1);
      const call = startCall({ method: request.method, url, resendCount, header }, parent);
      // It would write a second set of them.
      const named = redirects.origin(parent, url) ?? url;
      if (!writesIntoUndici())
        inject(call.context, headers, url, {
          redirectedFrom: named,
          authorization: header('authorization'),
        });
      const listener: HandlerListener = {
        onHead(statusCode, header) {
          if (statusCode >= 300 && statusCode < 400) redirects.heard(parent, url, named, header('location'));
          call.end({ statusCode, header });
        },
        onRedirected: () => reportOnce(TOO_FAR_OUT),
        onError: (error) => call.end({ error, cancelled: isAbort(error) }),
      };
      // In the caller's context, not in the suppressed one of the wire: interceptors retry and redirect from there.
      const traced = observedHandler(handler, listener, (method) => runInContext(parent, method));
      try {
        return runInContext(suppressTracing(call.context), () =>
          dispatch({ ...request, headers: headers.flat() }, traced),
        );
      } catch (error) {
        call.end({ error });
        throw error;
      }
    };
  };
}

const TOO_FAR_OUT =
  'an interceptor that follows redirects is nearer to the wire than traceInterceptor(), and sends its headers on to wherever ' +
  'it is redirected; put traceInterceptor() first in compose()';
