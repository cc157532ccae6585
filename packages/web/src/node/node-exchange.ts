import type { IncomingMessage, ServerResponse } from 'node:http';
import { type NodeRequest, type NodeResponse, type ServedRoute, traceNodeExchange } from '@throughline/http';
import type { HttpServerExchange, HttpServerTracer } from '@throughline/http-semantics';

/** What `@hono/node-server` passes to a handler beside the request. */
interface NodeEnvironment {
  readonly incoming?: NodeRequest;
  readonly outgoing?: NodeResponse;
}

/**
 * Starts the exchange of a request that came over a server of Node, or returns the one that it has. It ends with Node's own
 * response, so nothing of the application's `Response` is touched.
 *
 * Returns `undefined` if the environment does not show Node's request and response.
 */
export function startNodeExchange(
  tracer: HttpServerTracer,
  environment: unknown,
  route: (() => ServedRoute) | undefined,
): HttpServerExchange | undefined {
  const { incoming, outgoing } = (environment ?? {}) as NodeEnvironment;
  if (typeof (incoming as IncomingMessage | undefined)?.emit !== 'function') return undefined;
  if (typeof (outgoing as ServerResponse | undefined)?.emit !== 'function') return undefined;
  return traceNodeExchange(tracer, incoming as NodeRequest, outgoing as NodeResponse, { route });
}
