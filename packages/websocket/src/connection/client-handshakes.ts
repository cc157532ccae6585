import { activeContext, type Carrier } from '@throughline/core';
import { isTracingSuppressed, type Scope } from '@throughline/core/seam';
import {
  createHttpClientTracer,
  createOutboundInjection,
  createTargetDecider,
  type HttpClientOutcome,
} from '@throughline/http-semantics';
import type { SocketClientOptions } from './client-options.ts';
import { createMessageTracer, type MessageOptions } from './message-tracer.ts';
import { SocketConnection } from './socket-connection.ts';

/** A handshake that a client has begun, and the connection that it may open. */
export interface ClientHandshake {
  readonly connection: SocketConnection;
  /** Ends the CLIENT span. Only the first call counts. Never throws. */
  end(outcome: HttpClientOutcome): void;
}

/** How a client begins handshakes. */
export interface ClientHandshakes {
  /**
   * Starts the CLIENT span of a handshake and writes its context into the headers of the request, if the server may receive it.
   *
   * @param named The URL that the caller named, if a redirect led to `url`.
   */
  begin(url: URL, headers: Carrier, named?: URL): ClientHandshake;
  /** Returns a connection whose handshake gets no span, because the client does not show it. */
  connect(url: URL, headers: Carrier): SocketConnection;
}

/**
 * Returns the handshakes of a client.
 *
 * @param system Value of `messaging.system.name` for the messages: `websocket`.
 * @throws TypeError when an option has the wrong type.
 */
export function createClientHandshakes<Messages extends MessageOptions>(
  system: string,
  options: SocketClientOptions<Messages>,
  tracedMessages: MessageOptions,
  scope: Scope,
): ClientHandshakes {
  const { messages: _messages, trust, ...http } = options;
  const startCall = createHttpClientTracer(http, scope);
  const inject = createOutboundInjection(http);
  const decide = createTargetDecider(http);
  const tracer = createMessageTracer(system, tracedMessages, { ...http, trust }, scope);

  function open(url: URL, opened: ReturnType<typeof activeContext>): SocketConnection {
    const { hostname, port, protocol, pathname } = url;
    return new SocketConnection(tracer, {
      opened,
      target: {
        destination: pathname,
        serverAddress: hostname.replace(/^\[(.*)\]$/, '$1'),
        serverPort: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
      },
      outgoing: decide(url),
    });
  }

  return {
    begin(given, headers, named) {
      const url = httpUrl(given);
      const parent = activeContext();
      if (isTracingSuppressed(parent)) return { connection: open(url, parent), end() {} };
      const call = startCall({ method: 'GET', url }, parent);
      inject(call.context, headers, { url, ...(named && { named: httpUrl(named) }) });
      return { connection: open(url, call.context), end: call.end };
    },
    connect(given, headers) {
      const url = httpUrl(given);
      const parent = activeContext();
      if (!isTracingSuppressed(parent)) inject(parent, headers, { url });
      return open(url, parent);
    },
  };
}

/** Returns the URL of the request that opens a socket. */
function httpUrl(url: URL): URL {
  const found = new URL(url);
  // The protocol of a URL cannot be set from one without a default port to another.
  return /^wss?:$/.test(found.protocol) ? new URL(found.href.replace(/^ws/, 'http')) : found;
}
