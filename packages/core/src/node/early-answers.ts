import type { EventEmitter } from 'node:events';
import type { HttpServerTracer } from '../http-server.ts';
import type { NodeRequest, NodeResponse } from './response-outcome.ts';
import { exchangeOf, traceNodeExchange } from './trace-node-exchange.ts';

/**
 * Traces what a framework answers at once, before any hook of it has run: a path that cannot be decoded, a request that
 * comes while it closes.
 *
 * The server calls this listener after the framework's own. A response that is ended by then, without an exchange, is
 * such an answer; its span is as long as the answer takes to be sent.
 *
 * @example
 * traceEarlyAnswers(fastify.server, tracer); // behind the framework's own listener
 */
export function traceEarlyAnswers(server: EventEmitter, tracer: HttpServerTracer): void {
  server.on('request', (req: NodeRequest, res: NodeResponse) => {
    if (res.writableEnded && exchangeOf(req) === undefined) traceNodeExchange(tracer, req, res);
  });
}
