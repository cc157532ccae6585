import type { EventEmitter } from 'node:events';
import { exchangeOf, type NodeRequest, type NodeResponse, traceNodeExchange } from '@throughline/http';
import type { HttpServerTracer } from '@throughline/http-semantics';

/** What is needed of Fastify. */
interface FastifyLike {
  readonly server: EventEmitter;
  readonly initialConfig: { readonly connectionTimeout?: number };
  addHook(
    name: 'onTimeout',
    hook: (request: { readonly raw: object }, reply: unknown, next: () => void) => void,
  ): unknown;
}

/**
 * Traces what Fastify does outside of the hooks that a request goes through.
 *
 * What it answers at once, before any hook (a path that cannot be decoded, a request while it closes), has a span as long
 * as the answer takes to be sent. Its `onTimeout` hooks, which a socket calls, run in the exchange's context.
 *
 * @example
 * traceOutsideHooks(fastify, tracer);
 */
export function traceOutsideHooks(fastify: FastifyLike, tracer: HttpServerTracer): void {
  // Only a connection time-out leads there, and the hook costs each request a listener.
  if (fastify.initialConfig.connectionTimeout)
    fastify.addHook('onTimeout', (request, _reply, next) => {
      const exchange = exchangeOf(request.raw);
      return exchange === undefined ? next() : exchange.run(next);
    });
  // Of a plugin that is encapsulated, other routes are none of its business.
  if (!Object.hasOwn(fastify, 'listen')) return;
  // Called after Fastify's own listener: a response that is ended by then, without an exchange, is such an answer.
  fastify.server.on('request', (req: NodeRequest, res: NodeResponse) => {
    if (res.writableEnded && exchangeOf(req) === undefined) traceNodeExchange(tracer, req, res);
  });
}
