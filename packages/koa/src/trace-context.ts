import { Scope } from '@throughline/core/seam';
import { earlierRoutes, type NodeExchangeDescription, traceNodeExchange } from '@throughline/http';
import { createHttpServerTracer, type HttpServerOptions } from '@throughline/http-semantics';
import { selfCheck } from '@throughline/self-check';
import type { Context, Middleware } from 'koa';
import { bindErrors } from './bind-errors.ts';
import { servedRoute, watchRoute } from './served-route.ts';

/**
 * Returns Koa middleware that serves each request inside one SERVER span.
 *
 * Mount it first. The caller's context is extracted when the request reaches it, and is active in everything mounted
 * after it. The span ends when the response is over: last byte written, destroyed, or dropped by the client. Mounting
 * it twice is harmless.
 *
 * @throws TypeError at mount time when an option has the wrong type. Never throws while serving.
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span
 * @example
 * app.use(traceContext());
 */
export function traceContext(options?: HttpServerOptions): Middleware {
  const tracer = createHttpServerTracer(options, new Scope('koa', 'traceContext()'), selfCheck);
  return async function traceContext(ctx, next) {
    const { app, req, res } = ctx;
    if (tracer.observer.first)
      tracer.observer.mountedAfter(() => earlierRoutes(app.middleware, traceContext));
    watchRoute(ctx);
    const exchange = traceNodeExchange(tracer, req, res, DESCRIPTION, ctx);
    bindErrors(ctx);
    try {
      await exchange.run(next);
    } catch (error) {
      exchange.fail(error);
      throw error;
    }
  };
}

const DESCRIPTION: NodeExchangeDescription<Context> = {
  route: servedRoute,
  forwarded,
  target: ({ originalUrl }) => originalUrl,
};

/** Resolved by Koa's `app.proxy` setting; without it they are the connection's own. */
function forwarded(ctx: Context) {
  if (!ctx.app.proxy) return undefined;
  return { scheme: ctx.protocol, host: ctx.host, clientAddress: ctx.ip };
}
