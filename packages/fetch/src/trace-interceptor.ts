import type { Context } from '@opentelemetry/api';
import { activeContext, carrierGetter, runInContext } from '@throughline/core';
import { isTracingSuppressed, type Owner, suppressTracing } from '@throughline/core/adapter';
import { createHttpClientTracer, type HttpClientCall } from './http-client.ts';
import { checkHttpClientOptions, type HttpClientOptions } from './http-client-options.ts';
import { createOutboundInjection } from './outbound-injection.ts';

/** What undici passes to `dispatch`, as far as it matters here. */
interface DispatchOptions {
  readonly origin?: string | URL | undefined;
  readonly path: string;
  readonly method: string;
  readonly headers?: unknown;
}

/** undici's `Dispatcher.dispatch`; generic, so that the types of whichever undici is installed fit. */
type Dispatch<Options, Handler> = (options: Options, handler: Handler) => boolean;

/**
 * An interceptor for undici dispatchers that records one CLIENT span per request dispatched and hands the active
 * context on in its headers.
 *
 * Put it first in `compose`, nearest to the wire: then every retry and redirect of other interceptors has a span
 * of its own. Calls made through `tracedFetch` are not recorded twice.
 *
 * @throws TypeError at set-up when an option has the wrong type. Never throws when dispatching.
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span
 * @example
 * const agent = new Agent().compose(traceInterceptor());
 */
export function traceInterceptor(options: HttpClientOptions = {}) {
  const owner: Owner = { package: 'fetch', entry: 'traceInterceptor()' };
  checkHttpClientOptions(options, owner);
  const startCall = createHttpClientTracer(options, owner);
  const inject = createOutboundInjection(options);

  return function traceInterceptor<Options extends DispatchOptions, Handler extends object>(
    dispatch: Dispatch<Options, Handler>,
  ): Dispatch<Options, Handler> {
    return function tracedDispatch(request, handler) {
      const parent = activeContext();
      const url = URL.canParse(request.path, String(request.origin))
        ? new URL(request.path, request.origin)
        : undefined;
      if (url === undefined || isTracingSuppressed(parent)) return dispatch(request, handler);
      const headers = headerPairs(request.headers);
      const header = (name: string) => [carrierGetter.get(headers, name)].flat()[0];
      const call = startCall({ method: request.method, url, header }, parent);
      inject(call.context, headers, url, { authorization: header('authorization') });
      try {
        return runInContext(suppressTracing(call.context), () =>
          dispatch({ ...request, headers: headers.flat() }, observed(handler, call, parent)),
        );
      } catch (error) {
        call.end({ error });
        throw error;
      }
    };
  };
}

/** A copy of the headers in any of undici's forms: a flat array, an object, or an iterable of pairs. */
function headerPairs(headers: unknown): [name: string, value: unknown][] {
  if (headers === null || headers === undefined) return [];
  if (Array.isArray(headers) && !Array.isArray(headers[0]))
    return Array.from({ length: headers.length >> 1 }, (_, pair) => [
      String(headers[pair * 2]),
      headers[pair * 2 + 1],
    ]);
  if (Symbol.iterator in Object(headers)) return [...(headers as Iterable<[string, unknown]>)];
  return Object.entries(headers as object);
}

/**
 * The handler, with the call told how it went.
 *
 * undici has two sets of handler methods, one until version 6 and one since. Both are listened to, and whatever
 * else the handler has stays as it is. Its methods run in the caller's context, not in the suppressed one of the
 * wire: interceptors retry and redirect from there.
 */
function observed<Handler extends object>(handler: Handler, call: HttpClientCall, parent: Context): Handler {
  const onHead = (status: unknown, headers: unknown) => {
    // Informational responses precede the one that counts.
    if (typeof status !== 'number' || status < 200) return;
    const pairs = headerPairs(headers);
    call.end({ statusCode: status, header: (name) => [carrierGetter.get(pairs, name)].flat()[0] });
  };
  const listeners: Record<string, (...args: unknown[]) => void> = {
    onHeaders: (status, headers) => onHead(status, headers),
    onResponseStart: (_controller, status, headers) => onHead(status, headers),
    onError: (error) => call.end({ error, cancelled: isAbort(error) }),
    onResponseError: (_controller, error) => call.end({ error, cancelled: isAbort(error) }),
    onUpgrade: (status) => call.end({ statusCode: Number(status) }),
    onRequestUpgrade: (_controller, status) => call.end({ statusCode: Number(status) }),
  };
  return new Proxy(handler, {
    get(target, name) {
      const member = Reflect.get(target, name, target) as unknown;
      if (typeof member !== 'function') return member;
      const listener =
        typeof name === 'string' && Object.hasOwn(listeners, name) ? listeners[name] : undefined;
      return (...args: unknown[]) => {
        listener?.(...args);
        return runInContext(parent, () => Reflect.apply(member, target, args));
      };
    },
  });
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
