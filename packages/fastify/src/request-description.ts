import type { NodeExchangeDescription } from '@throughline/http';
import type { FastifyRequest } from 'fastify';

/** What only Fastify knows about a request. One object for all: closures of their own would cost each of them. */
export const REQUEST_DESCRIPTION: NodeExchangeDescription<FastifyRequest> = {
  route: (request) => request.routeOptions.url,
  // Resolved by Fastify's `trustProxy` setting; without it they are the connection's own.
  forwarded: ({ protocol: scheme, host, hostname, ip: clientAddress }) => ({
    scheme,
    host: host ?? hostname,
    clientAddress,
  }),
};
