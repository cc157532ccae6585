import { Scope } from '@throughline/core/seam';
import { earlierRoutes, type NodeExchangeDescription, traceNodeExchange } from '@throughline/http';
import { createHttpServerTracer, type HttpServerOptions } from '@throughline/http-semantics';
import { selfCheck } from '@throughline/self-check';
import type { Request, RequestHandler } from 'express';
import { stackOf } from './express-app.ts';
import { servedRoute, watchRoute } from './served-route.ts';

/**
 * Returns Express middleware that serves each request inside one SERVER span.
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
export function traceContext(options?: HttpServerOptions): RequestHandler {
  const tracer = createHttpServerTracer(options, new Scope('express', 'traceContext()'), selfCheck);
  return function traceContext(req, res, next) {
    if (tracer.observer.first)
      tracer.observer.mountedAfter(() => earlierRoutes(stackOf(req.app), traceContext));
    watchRoute(req);
    traceNodeExchange(tracer, req, res, DESCRIPTION, req).run(next);
  };
}

const DESCRIPTION: NodeExchangeDescription<Request> = { route: servedRoute, forwarded };

/** Resolved by Express's `trust proxy` setting; without it they are the connection's own. */
function forwarded(req: Request) {
  if (!req.app?.get('trust proxy')) return undefined;
  return { scheme: req.protocol, host: req.hostname, clientAddress: req.ip };
}
