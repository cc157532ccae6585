import { Scope } from '@throughline/core/seam';
import { createHttpServerTracer, type HttpServerOptions } from '@throughline/http-semantics';
import { selfCheck } from '@throughline/self-check';
import { serveRequest } from './serve-request.ts';

/** A function that answers requests, as Bun, Deno, workers and `@hono/node-server` call it. */
export type FetchHandler<Rest extends readonly unknown[] = readonly unknown[]> = (
  request: Request,
  ...rest: Rest
) => Response | Promise<Response>;

/**
 * Returns a handler that serves each request inside one SERVER span.
 *
 * The caller's context is extracted when the request arrives, and is active in `handler`, in everything that it starts, and
 * in the body stream that it returns. The span ends when the response is over: its body was read to the end, broke, or was
 * cancelled because the client left. Wrapping twice is harmless.
 *
 * Pass on what the runtime passes beside the request: it shows the client's address, and on Node the end of the response.
 *
 * A plain handler knows no routes: name the route with `exchangeOf(request)?.setRoute('/items/:id')`.
 *
 * @throws TypeError when `handler` is no function or an option has the wrong type. Never throws while serving.
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span
 * @example
 * Deno.serve(traceFetchHandler(() => new Response('hello')));
 */
export function traceFetchHandler<Rest extends readonly unknown[]>(
  handler: FetchHandler<Rest>,
  options?: HttpServerOptions,
): FetchHandler<Rest> {
  const scope = new Scope('web', 'traceFetchHandler()');
  const tracer = createHttpServerTracer(options, scope, selfCheck);
  if (typeof handler !== 'function') throw scope.error(`handler must be a function, got ${typeof handler}`);
  return function traceFetchHandler(request, ...rest) {
    return serveRequest(tracer, { request, environment: rest[0] }, () => handler(request, ...rest));
  };
}
