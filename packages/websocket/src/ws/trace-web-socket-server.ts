import { type IncomingMessage, ServerResponse } from 'node:http';
import { Scope } from '@throughline/core/seam';
import { createServerHandshakes } from '../connection/server-handshakes.ts';
import type { SocketServerOptions } from '../connection/server-options.ts';
import { type CodedMessageOptions, splitCodec } from '../messages/codec-option.ts';
import { attach, type SocketClass, tracedSocketClass } from './socket.ts';

/** A `WebSocketServer` of ws 8, as used here. */
interface Server {
  readonly options: { WebSocket: SocketClass; readonly path?: unknown };
  handleUpgrade(
    req: IncomingMessage,
    socket: unknown,
    head: unknown,
    callback: (socket: object, req: IncomingMessage) => void,
  ): void;
}

/** Classes that are traced: to trace one twice would make every span twice. */
const traced = new WeakSet<object>();

/**
 * Returns a subclass of the `WebSocketServer` of `ws`, whose handshakes and sockets are traced; use it instead.
 *
 * Each handshake is one SERVER span, which ends with the 101 or with the refusal. Its context is active in `verifyClient`,
 * `handleProtocols`, the listeners for `connection` and those of the sockets, except for `message`. Each listener for `message`
 * runs in a CONSUMER span, until what it returns has settled; what is sent is one PRODUCER span, until it was written.
 *
 * @throws TypeError when an option has the wrong type. Never throws afterwards.
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span
 * @example
 * const Server = traceWebSocketServer(WebSocketServer, { messages: { codec: jsonCodec } });
 * new Server({ port: 8080 }).on('connection', (socket) => socket.on('message', handle));
 */
export function traceWebSocketServer<Class extends SocketClass>(
  WebSocketServer: Class,
  options: SocketServerOptions<CodedMessageOptions> = {},
): Class {
  const scope = new Scope('websocket', 'traceWebSocketServer()');
  if (typeof WebSocketServer !== 'function')
    throw scope.error(`the first argument must be the class WebSocketServer, got ${typeof WebSocketServer}`);
  const { codec, others } = splitCodec(options.messages, scope);
  if (traced.has(WebSocketServer)) return WebSocketServer;
  const handshakes = createServerHandshakes('websocket', options, others, scope);

  // The cast: the constructor passes its arguments on.
  const Original = WebSocketServer as unknown as new (...args: unknown[]) => Server;
  class TracedWebSocketServer extends Original {
    constructor(...args: unknown[]) {
      super(...args);
      // The server's own copy of the options that it was given.
      this.options.WebSocket = tracedSocketClass(this.options.WebSocket);
    }

    override handleUpgrade(...[req, socket, head, callback]: Parameters<Server['handleUpgrade']>): void {
      const { path } = this.options;
      const route = typeof path === 'string' ? { route: () => path } : {};
      const { exchange, connection } = handshakes.begin(req, new ServerResponse(req), route);
      exchange.run(() =>
        super.handleUpgrade(req, socket, head, (opened, request) => {
          attach(opened, { connection, codec });
          connection.run(() => callback(opened, request));
        }),
      );
    }
  }
  traced.add(TracedWebSocketServer);
  Object.defineProperty(TracedWebSocketServer, 'name', { value: 'WebSocketServer' });
  // The cast: a subclass with the same constructor and members.
  return TracedWebSocketServer as unknown as Class;
}
