/**
 * Traced sockets of the client of Socket.IO.
 *
 * @module
 */
import { guarded, Scope, withMembers } from '@throughline/core/seam';
import { createClientHandshakes } from '../connection/client-handshakes.ts';
import type { SocketClientOptions } from '../connection/client-options.ts';
import { type EventMessageOptions, splitCarry } from '../events/event-message-options.ts';
import { type EventSocket, traceEventSocket } from '../events/trace-event-socket.ts';

export type { SocketClientOptions } from '../connection/client-options.ts';
export type { MessageOptions } from '../connection/message-tracer.ts';
export type { EventMessageOptions } from '../events/event-message-options.ts';

/** The function `io` of the client, as a generic bound; its arguments are its own. */
export type Connect = (...args: never[]) => object;

interface ConnectOptions {
  readonly extraHeaders?: Readonly<Record<string, string>> | undefined;
}

interface ClientSocket extends EventSocket {
  readonly io: {
    readonly opts: { extraHeaders?: ConnectOptions['extraHeaders'] };
    on(event: string, listener: () => void): unknown;
  };
}

/**
 * Returns a function `io` whose sockets trace the events that they emit and handle; use it instead.
 *
 * The context that is active at the call goes into the headers of the handshake; the handshake gets no span on this side, because
 * the client does not show it. A socket that connects again does so without a context: what it was opened for is long over.
 *
 * @throws TypeError when an option has the wrong type. Never throws afterwards.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 * @example
 * const connect = traceConnect(io, { messages: { carry: true } });
 * const socket = connect('https://example.com');
 */
export function traceConnect<Io extends Connect>(
  io: Io,
  options: SocketClientOptions<EventMessageOptions> = {},
): Io {
  const scope = new Scope('websocket', 'traceConnect()');
  if (typeof io !== 'function') throw scope.error(`io must be a function, got ${typeof io}`);
  const { carries, others } = splitCarry(options.messages, scope);
  const handshakes = createClientHandshakes('socket.io', options, others, scope);
  // The cast: `io` takes a URL, options, or both.
  const connect = io as unknown as (...args: unknown[]) => ClientSocket;

  function tracedConnect(...args: [url?: unknown, given?: ConnectOptions]): ClientSocket {
    const [url, given] = args;
    const headers: Record<string, string> = { ...given?.extraHeaders };
    const connection = guarded('a handshake could not be traced', () =>
      handshakes.connect(new URL(String(url)), headers),
    );
    // Without a URL, it is that of the page in a browser.
    if (connection === undefined) return connect(...args);
    const socket = connect(url, withMembers(given, { extraHeaders: headers }));
    socket.io.on('reconnect_attempt', () => {
      socket.io.opts.extraHeaders = given?.extraHeaders;
    });
    return traceEventSocket(socket, connection, carries);
  }
  return tracedConnect as unknown as Io;
}
