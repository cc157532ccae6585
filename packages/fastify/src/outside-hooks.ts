import type { EventEmitter } from 'node:events';
import { exchangeOf, type NodeRequest, type NodeResponse, traceNodeExchange } from '@throughline/http';
import type { HttpServerTracer } from '@throughline/http-semantics';

/** The part of Fastify that is used here. */
interface FastifyLike {
  readonly server: EventEmitter;
  readonly initialConfig: { readonly connectionTimeout?: number };
  addHook(
    name: 'onTimeout',
    hook: (request: { readonly raw: object }, reply: unknown, next: () => void) => void,
  ): unknown;
}

/**
 * Traces what Fastify does outside of the hooks that a request passes through.
 *
 * A request that it answers before any hook (a path that cannot be decoded, any request while it closes) gets a span that
 * lasts until the answer is sent. Its `onTimeout` hooks, which a socket calls, run in the exchange's context.
 *
 * @example
 * traceOutsideHooks(fastify, tracer);
 */
export function traceOutsideHooks(fastify: FastifyLike, tracer: HttpServerTracer): void {
  // Only a connection time-out calls the hook, which costs each request a listener.
  if (fastify.initialConfig.connectionTimeout)
    fastify.addHook('onTimeout', (request, _reply, next) => {
      const exchange = exchangeOf(request.raw);
      return exchange === undefined ? next() : exchange.run(next);
    });
  // An encapsulated plugin must not trace the requests of other routes.
  if (!Object.hasOwn(fastify, 'listen')) return;
  // Called after Fastify's own listener: a response that has ended by then, and has no exchange, is such an answer.
  fastify.server.on('request', (req: NodeRequest, res: NodeResponse) => {
    if (res.writableEnded && exchangeOf(req) === undefined) traceNodeExchange(tracer, req, res);
  });
}
