import { Scope } from '@throughline/core/seam';
import { createHttpServerTracer, type HttpServerOptions } from '@throughline/http-semantics';
import { selfCheck } from '@throughline/self-check';
import type { MiddlewareHandler } from 'hono';
import { serveRequest } from '../serve-request.ts';
import { servedRoute } from './served-route.ts';

/**
 * Returns Hono middleware that serves each request inside one SERVER span.
 *
 * Mount it first. The caller's context is extracted when the request reaches it, and is active in everything mounted after
 * it. The span ends when the response is over: its body was sent, broke, or was cancelled because the client left. Mounting
 * it twice is harmless.
 *
 * @throws TypeError at mount time when an option has the wrong type. Never throws while serving.
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span
 * @example
 * app.use(traceContext());
 */
export function traceContext(options?: HttpServerOptions): MiddlewareHandler {
  const tracer = createHttpServerTracer(options, new Scope('web/hono', 'traceContext()'), selfCheck);
  return async function traceContext(c, next) {
    const arrived = { request: c.req.raw, environment: c.env, route: () => servedRoute(c) };
    const response = await serveRequest(tracer, arrived, async (exchange) => {
      await next();
      // Hono answers an error before the middleware sees it.
      if (c.error !== undefined) exchange.fail(c.error);
      return c.res;
    });
    if (response === c.res) return;
    // Hono would copy the headers of a response that is replaced.
    c.res = undefined;
    c.res = response;
  };
}
