/**
 * A traced server of Socket.IO.
 *
 * @module
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import { Scope } from '@throughline/core/seam';
import { listenerMethods, type Method, wrapClient } from '@throughline/messaging/wrapping';
import { createServerHandshakes } from '../connection/server-handshakes.ts';
import type { SocketServerOptions } from '../connection/server-options.ts';
import { SocketConnection } from '../connection/socket-connection.ts';
import { splitArguments } from '../events/event-arguments.ts';
import { type EventMessageOptions, splitCarry } from '../events/event-message-options.ts';
import { type EventSocket, sendEvent, traceEventSocket } from '../events/trace-event-socket.ts';

export type { MessageOptions } from '../connection/message-tracer.ts';
export type { PeerChoice, SocketServerOptions } from '../connection/server-options.ts';
export type { EventMessageOptions } from '../events/event-message-options.ts';

/** A `Server` of Socket.IO 4, as used here. */
export interface SocketIoServer {
  readonly on: Method;
  readonly of: Method;
  readonly adapter: Method;
}

type Middleware = (req: IncomingMessage, res: unknown, next: () => void) => void;
type Next = (...args: unknown[]) => unknown;

/** The used part of the server, with its own signatures. */
interface Server {
  readonly engine?: { use(middleware: Middleware): void } | undefined;
  adapter(): AdapterClass;
  adapter(adapter: AdapterClass): unknown;
  of(name: unknown, listener?: Method): Namespace;
  attach(...args: unknown[]): unknown;
  listen(...args: unknown[]): unknown;
  use(middleware: (socket: ServerSocket, next: Next) => unknown): unknown;
}

interface Namespace {
  use(middleware: (socket: ServerSocket, next: Next) => unknown): unknown;
}

interface ServerSocket extends EventSocket {
  readonly request: IncomingMessage;
}

type AdapterClass = new (namespace: unknown) => Adapter;

/** What an adapter sends to many sockets, on this server and on others. */
interface Adapter {
  broadcast(packet: Packet, ...rest: unknown[]): unknown;
  broadcastWithAck(packet: Packet, ...rest: unknown[]): unknown;
}

interface Packet {
  readonly type: number;
  readonly data?: readonly unknown[];
}

const EVENT = 2;

/** What each server, traced or bare, is traced by: to trace one twice would make every span twice. */
const tracedServers = new WeakMap<object, unknown>();

/**
 * Returns a server that traces handshakes and events; use it instead of the original. Call it when the server is made, before a
 * socket connects. Calling it twice is harmless.
 *
 * Each handshake is one SERVER span, whichever transport it comes over; polls and the change to another transport get none. Each
 * listener of an event runs in a CONSUMER span, until what it returns has settled. Each `emit` is one PRODUCER span, also to rooms
 * and namespaces and by way of other servers.
 *
 * @throws TypeError when an option has the wrong type. Never throws afterwards.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 * @example
 * const io = traceServer(new Server(3000), { messages: { carry: true } });
 * io.on('connection', (socket) => socket.on('order', handle));
 */
export function traceServer<Io extends SocketIoServer>(
  original: Io,
  options: SocketServerOptions<EventMessageOptions> = {},
): Io {
  const scope = new Scope('websocket', 'traceServer()');
  if (typeof original?.adapter !== 'function')
    throw scope.error(`the first argument must be a Server of Socket.IO, got ${typeof original}`);
  const { carries, others } = splitCarry(options.messages, scope);
  // The cast: the map holds a server of the type that it was given.
  const known = tracedServers.get(original) as Io | undefined;
  if (known !== undefined) return known;
  const handshakes = createServerHandshakes('socket.io', options, others, scope);
  const connections = new WeakMap<object, SocketConnection>();
  // The cast: its methods have an overload for each number of arguments.
  const server = original as unknown as Server;

  function watchHandshakes(): void {
    server.engine?.use(function traceHandshake(req, res, next) {
      // Later requests of a socket name its session.
      if (/[?&]sid=/.test(req.url ?? '')) return next();
      const response = res instanceof ServerResponse ? res : new ServerResponse(req);
      const { exchange, connection } = handshakes.begin(req, response);
      connections.set(req, connection);
      exchange.run(next);
    });
  }

  const traced = (socket: ServerSocket) => {
    const connection = connections.get(socket.request);
    // A handshake that came before this function was called.
    if (connection === undefined) return { socket, run: <T>(fn: () => T) => fn() };
    return {
      socket: traceEventSocket(socket, connection, carries),
      run: <T>(fn: () => T) => connection.run(fn),
    };
  };

  /** Returns the methods of a server or a namespace that hand out its sockets. */
  const socketMethods = (emitter: Namespace) => ({
    ...listenerMethods(emitter, (event, listener) => {
      if (event !== 'connection' && event !== 'connect') return undefined;
      return function tracedListener(this: unknown, given: never, ...rest: never[]) {
        const { socket, run } = traced(given);
        return run(() => Reflect.apply(listener, this, [socket as never, ...rest]));
      };
    }),
    use: (middleware: (socket: ServerSocket, next: Next) => unknown) =>
      emitter.use((given, next) => {
        const { socket, run } = traced(given);
        return run(() => middleware(socket, next));
      }),
  });

  const namespaces = new WeakMap<object, Namespace>();
  function tracedNamespace(namespace: Namespace): Namespace {
    const known = namespaces.get(namespace) ?? wrapClient(namespace, socketMethods(namespace));
    namespaces.set(namespace, known);
    return known;
  }

  const attaching = (method: 'attach' | 'listen') =>
    function attachTraced(...args: unknown[]) {
      const result = server[method](...args);
      watchHandshakes();
      return result;
    };

  watchHandshakes();
  server.adapter(tracedAdapter(server.adapter(), handshakes.broadcasts, carries));
  const wrapped = wrapClient(original, {
    ...socketMethods(server),
    of(name: unknown, listener?: Method) {
      const namespace = tracedNamespace(server.of(name));
      // The cast: a wrapped namespace is an emitter.
      if (listener !== undefined) (namespace as unknown as { on: Next }).on('connection', listener);
      return namespace;
    },
    attach: attaching('attach'),
    listen: attaching('listen'),
  });
  tracedServers.set(original, wrapped).set(wrapped, wrapped);
  return wrapped;
}

/** Returns an adapter class whose instances send each event to many sockets in one PRODUCER span. */
function tracedAdapter(Original: AdapterClass, broadcasts: SocketConnection, carries: boolean): AdapterClass {
  function TracedAdapter(namespace: unknown): Adapter {
    const adapter = new Original(namespace);
    const carrying =
      (method: 'broadcast' | 'broadcastWithAck') =>
      (packet: Packet, ...rest: unknown[]) => {
        const { type, data } = packet;
        const [event, ...args] = data ?? [];
        // The `emit` of a socket whose server keeps packets for later sends them by its adapter.
        const isSent = splitArguments(args, carries).fields !== undefined;
        if (type !== EVENT || isSent) return adapter[method](packet, ...rest);
        const connection = SocketConnection.active() ?? broadcasts;
        return sendEvent(connection, carries, event, args, (all) =>
          adapter[method]({ ...packet, data: [event, ...all] }, ...rest),
        );
      };
    return wrapClient(adapter, {
      broadcast: carrying('broadcast'),
      broadcastWithAck: carrying('broadcastWithAck'),
    });
  }
  // The cast: Socket.IO calls it with `new`, which returns the object that a function returns.
  return TracedAdapter as unknown as AdapterClass;
}
