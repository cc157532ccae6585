import type { ClientRequest, IncomingMessage } from 'node:http';
import { guarded, Scope, withMembers } from '@throughline/core/seam';
import { createClientHandshakes } from '../connection/client-handshakes.ts';
import type { SocketClientOptions } from '../connection/client-options.ts';
import { type CodedMessageOptions, splitCodec } from '../messages/codec-option.ts';
import { attach, type Socket, type SocketClass, tracedSocketClass } from './socket.ts';

interface ConnectOptions {
  readonly finishRequest?: ((request: ClientRequest, socket: unknown) => void) | undefined;
}

/** Classes that are traced: to trace one twice would make every span twice. */
const traced = new WeakSet<object>();

/**
 * Returns a subclass of the `WebSocket` of `ws`, whose sockets trace their handshake and messages; use it instead.
 *
 * The handshake is one CLIENT span per request, redirects included, whose context is in its headers. What is sent is one
 * PRODUCER span, until the message was written. Each listener for `message` runs in a CONSUMER span, until what it returns has
 * settled; other listeners run in the context of the handshake.
 *
 * @throws TypeError when an option has the wrong type. Never throws afterwards.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 * @example
 * const TracedWebSocket = traceWebSocket(WebSocket, { messages: { codec: jsonCodec } });
 * const socket = new TracedWebSocket('wss://example.com/chat');
 */
export function traceWebSocket<Class extends SocketClass>(
  WebSocket: Class,
  options: SocketClientOptions<CodedMessageOptions> = {},
): Class {
  const scope = new Scope('websocket', 'traceWebSocket()');
  if (typeof WebSocket !== 'function')
    throw scope.error(`the first argument must be the class WebSocket, got ${typeof WebSocket}`);
  const { codec, others } = splitCodec(options.messages, scope);
  if (traced.has(WebSocket)) return WebSocket;
  const handshakes = createClientHandshakes('websocket', options, others, scope);

  function begin(request: ClientRequest, socket: Socket, named: URL): void {
    const url = new URL(socket.url);
    const { connection, end } = handshakes.begin(url, request, url.href === named.href ? undefined : named);
    // The cast: a request of Node is a carrier with getHeader() and setHeader(); see `Carrier`.
    attach(socket, { connection, codec });
    const answered = ({ statusCode, socket: { remoteAddress, remotePort } }: IncomingMessage) =>
      end({ statusCode, connection: { peerAddress: remoteAddress, peerPort: remotePort } });
    // Before the listeners of ws, which call those of the application.
    request.prependOnceListener('upgrade', answered);
    request.prependOnceListener('response', answered);
    request.prependOnceListener('error', (error) => end({ error }));
    request.once('close', () => end({ cancelled: true }));
  }

  /** Returns the options of a client with a look at each of its requests before it is sent. */
  function watched(address: unknown, given: ConnectOptions | undefined): ConnectOptions {
    return withMembers(given, {
      finishRequest(request: ClientRequest, socket: Socket) {
        guarded('a handshake could not be traced', () => begin(request, socket, new URL(String(address))));
        if (typeof given?.finishRequest === 'function') given.finishRequest(request, socket);
        else request.end();
      },
    });
  }

  // The cast: the constructor passes its arguments on.
  const Traced = tracedSocketClass(WebSocket) as new (...args: unknown[]) => object;
  class TracedWebSocket extends Traced {
    constructor(address?: unknown, protocols?: unknown, given?: unknown) {
      if (address === null) super(address, protocols, given);
      else if (isOptions(protocols)) super(address, watched(address, protocols));
      else super(address, protocols, watched(address, given as ConnectOptions | undefined));
    }
  }
  traced.add(TracedWebSocket);
  Object.defineProperty(TracedWebSocket, 'name', { value: 'WebSocket' });
  // The cast: a subclass with the same constructor and members.
  return TracedWebSocket as unknown as Class;
}

function isOptions(value: unknown): value is ConnectOptions {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
