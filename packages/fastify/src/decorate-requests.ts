import { exchangeOf } from '@throughline/http';
import type { HttpServerExchange } from '@throughline/http-semantics';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** Adds the property `exchange` to the requests of `fastify`, unless an instance around it has done so. */
export function decorateRequests(fastify: FastifyInstance): void {
  if (!fastify.hasRequestDecorator('exchange'))
    fastify.decorateRequest('exchange', { getter: exchangeOfRequest });
}

function exchangeOfRequest(this: FastifyRequest): HttpServerExchange | undefined {
  return exchangeOf(this.raw);
}
