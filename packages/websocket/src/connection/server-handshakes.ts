import type { IncomingMessage, ServerResponse } from 'node:http';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import type { TrustDecision } from '@throughline/core';
import { createTrustDecider, isTrustPolicy, type Scope, TRUST_FORMS } from '@throughline/core/seam';
import { type NodeExchangeDescription, pathOfTarget, traceNodeExchange } from '@throughline/http';
import {
  createHttpServerTracer,
  type HttpServerExchange,
  type HttpServerRequest,
} from '@throughline/http-semantics';
import { peerOf } from '@throughline/messaging/wrapping';
import { selfCheck } from '@throughline/self-check';
import { createMessageTracer, type MessageOptions } from './message-tracer.ts';
import { requestWithQueryContext } from './query-context.ts';
import { checkServerOptions, createPeerDecider, type SocketServerOptions } from './server-options.ts';
import { SocketConnection } from './socket-connection.ts';

/** A handshake that has begun, and the connection that it may open. */
export interface ServerHandshake {
  /** It ends with the head of the response, a 101 or a refusal. */
  readonly exchange: HttpServerExchange;
  readonly connection: SocketConnection;
}

/** How a server receives handshakes. */
export interface ServerHandshakes {
  /** Starts the exchange of a handshake. Never throws. */
  begin(req: IncomingMessage, res: ServerResponse, description?: NodeExchangeDescription): ServerHandshake;
  /** Stands for the connections of a message that is sent to many peers at once. */
  readonly broadcasts: SocketConnection;
}

/** Stands for the decision of another middleware that has started the exchange already, and did not let the trace continue. */
const DISTRUST: TrustDecision = { parent: 'restart', baggage: 'drop' };

/**
 * Returns the handshakes of a server.
 *
 * @param system Value of `messaging.system.name` for the messages: `websocket`.
 * @throws TypeError when an option has the wrong type.
 */
export function createServerHandshakes<Messages extends MessageOptions>(
  system: string,
  options: SocketServerOptions<Messages>,
  tracedMessages: MessageOptions,
  scope: Scope,
): ServerHandshakes {
  const {
    contextFromQuery = false,
    messages: _messages,
    propagateTo,
    baggageTo,
    baggageEntries,
    ...http
  } = options;
  checkServerOptions({ contextFromQuery, propagateTo, baggageTo, baggageEntries }, scope);
  const { trust: policy = 'continue' } = http;
  scope.check({ trust: policy }, { trust: [isTrustPolicy, TRUST_FORMS] });
  // Messages are trusted as their handshake, so the decision is kept. It is taken while the exchange is started.
  let decided: { readonly request: HttpServerRequest; readonly trust: TrustDecision } | undefined;
  const decide = createTrustDecider(policy);
  const noted = (request: HttpServerRequest) => {
    decided = { request, trust: decide(request) };
    return decided.trust;
  };
  const tracer = createHttpServerTracer({ ...http, trust: noted }, scope, selfCheck);
  const messageTracer = createMessageTracer(system, tracedMessages, { ...http, trust: undefined }, scope);
  const outgoing = createPeerDecider({ propagateTo, baggageTo, baggageEntries });

  return {
    broadcasts: new SocketConnection(messageTracer, {
      opened: ROOT_CONTEXT,
      target: {},
      outgoing: outgoing(undefined),
    }),
    begin(req, res, description) {
      decided = undefined;
      const seen = contextFromQuery ? requestWithQueryContext(req) : req;
      const exchange = traceNodeExchange(tracer, seen, res, description);
      // The cast: TypeScript does not see that starting the exchange assigned it.
      const known = decided as { request: HttpServerRequest; trust: TrustDecision } | undefined;
      const connection = new SocketConnection(messageTracer, {
        opened: exchange.context,
        target: { destination: pathOfTarget(req.url), attributes: peerOf(req.socket) },
        trust: known?.trust ?? (exchange.trusted ? undefined : DISTRUST),
        outgoing: outgoing(known?.request),
      });
      return { exchange, connection };
    },
  };
}
