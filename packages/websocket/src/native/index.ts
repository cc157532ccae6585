/**
 * Traced sockets of Node's own `WebSocket`.
 *
 * @module
 */
import { guarded, Scope, withMembers } from '@throughline/core/seam';
import { type ClientHandshake, createClientHandshakes } from '../connection/client-handshakes.ts';
import type { SocketClientOptions } from '../connection/client-options.ts';
import type { SocketConnection } from '../connection/socket-connection.ts';
import { type CodedMessageOptions, splitCodec } from '../messages/codec-option.ts';
import { contentToSend } from '../messages/content-to-send.ts';
import type { MessageData, OpenedMessage } from '../messages/message-codec.ts';
import { openWith, sealWith } from '../messages/message-on-socket.ts';

export type { SocketClientOptions } from '../connection/client-options.ts';
export type { MessageOptions } from '../connection/message-tracer.ts';
export type { CodedMessageOptions } from '../messages/codec-option.ts';

/** A class like the `WebSocket` of Node, as a generic bound; its constructor's arguments are its own. */
export type WebSocketClass = new (...args: never[]) => object;

type Listener = ((event: object) => unknown) | { handleEvent(event: object): unknown };

/** A socket of Node, as used here. */
interface Socket {
  get binaryType(): string;
  set binaryType(type: string);
  send(data: unknown): void;
  addEventListener(type: string, listener: Listener | null, options?: unknown): void;
  removeEventListener(type: string, listener: Listener | null, options?: unknown): void;
}

const NOTHING: OpenedMessage<string> = { data: '' };

/** Classes that are traced: to trace one twice would make every span twice. */
const traced = new WeakSet<object>();

/**
 * Returns a subclass of Node's `WebSocket` whose sockets trace their handshake and messages; use it instead.
 *
 * It does for Node's own class what `traceWebSocket` of `@throughline/websocket/ws` does for that of ws. The handshake is one
 * CLIENT span, whose context is in the headers.
 *
 * @throws TypeError when an option has the wrong type. Never throws afterwards.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 * @example
 * const TracedWebSocket = traceWebSocket(WebSocket, { messages: { codec: jsonCodec } });
 * const socket = new TracedWebSocket('wss://example.com/chat');
 */
export function traceWebSocket<Class extends WebSocketClass>(
  WebSocket: Class,
  options: SocketClientOptions<CodedMessageOptions> = {},
): Class {
  const scope = new Scope('websocket', 'traceWebSocket()');
  if (typeof WebSocket !== 'function')
    throw scope.error(`the first argument must be the class WebSocket, got ${typeof WebSocket}`);
  const { codec, others } = splitCodec(options.messages, scope);
  if (traced.has(WebSocket)) return WebSocket;
  const handshakes = createClientHandshakes('websocket', options, others, scope);

  // The cast: the constructor passes its arguments on.
  const Original = WebSocket as unknown as new (...args: unknown[]) => Socket;
  class TracedWebSocket extends Original {
    readonly #handshake: ClientHandshake | undefined;
    /** The stand-ins of listeners, by type. */
    readonly #standIns = new Map<string, WeakMap<object, Listener>>();
    #binaryType: string;

    constructor(url: unknown, protocols?: unknown, ...rest: unknown[]) {
      const headers = new Headers(headersIn(protocols));
      const handshake = guarded('a handshake could not be traced', () =>
        handshakes.begin(new URL(String(url)), headers),
      );
      super(url, handshake === undefined ? protocols : { ...asInit(protocols), headers }, ...rest);
      this.#handshake = handshake;
      this.#binaryType = super.binaryType;
      // A `Blob` cannot be read at once.
      if (codec !== undefined) super.binaryType = 'arraybuffer';
      super.addEventListener('open', () => handshake?.end({ statusCode: 101 }));
      super.addEventListener('error', (event) =>
        handshake?.end({ error: (event as { error?: unknown }).error ?? new Error('WebSocket failed') }),
      );
      super.addEventListener('close', () => handshake?.end({ cancelled: true }));
    }

    override get binaryType(): string {
      return this.#binaryType;
    }

    override set binaryType(type: string) {
      if (type === 'blob' || type === 'arraybuffer') this.#binaryType = type;
      if (codec === undefined) super.binaryType = type;
    }

    override send(data: unknown): void {
      const connection = this.#handshake?.connection;
      const content = contentToSend(data);
      const opened = content === undefined ? NOTHING : openWith(codec, content);
      if (connection === undefined || opened === undefined) super.send(data);
      else
        connection.send({ fields: opened.fields }, (fields) => {
          const sealed = content === undefined ? content : sealWith(codec, content, opened, fields);
          super.send(sealed === content ? data : sealed);
        });
    }

    override addEventListener(type: string, listener: Listener | null, ...rest: unknown[]): void {
      super.addEventListener(type, listener === null ? null : this.#standIn(type, listener), ...rest);
    }

    override removeEventListener(type: string, listener: Listener | null, ...rest: unknown[]): void {
      const known = listener === null ? undefined : this.#standIns.get(type)?.get(listener);
      super.removeEventListener(type, known ?? listener, ...rest);
    }

    #standIn(type: string, listener: Listener): Listener {
      const ofType = this.#standIns.get(type) ?? new WeakMap<object, Listener>();
      this.#standIns.set(type, ofType);
      const known = ofType.get(listener);
      if (known !== undefined) return known;
      const socket = this;
      const made = function tracedListener(this: unknown, event: object): unknown {
        const call = (given: object) =>
          typeof listener === 'function'
            ? Reflect.apply(listener, this, [given])
            : listener.handleEvent(given);
        const connection = socket.#handshake?.connection;
        if (connection === undefined) return call(event);
        return type === 'message'
          ? socket.#deliver(connection, event, call)
          : connection.run(() => call(event));
      };
      ofType.set(listener, made);
      return made;
    }

    #deliver(connection: SocketConnection, event: object, call: (event: object) => unknown): unknown {
      const { data } = event as { data?: unknown };
      const content = codec === undefined ? undefined : contentToSend(data);
      const opened = content === undefined ? NOTHING : openWith(codec, content);
      if (opened === undefined) return connection.run(() => call(event));
      const given = opened === NOTHING ? data : this.#likeReceived(opened.data);
      const seen = given === data ? event : viewOf(event, given);
      return connection.handle({ fields: opened.fields }, () => call(seen));
    }

    /** Returns content in the form that the application has asked for. */
    #likeReceived(content: MessageData): unknown {
      if (typeof content === 'string') return content;
      const bytes = new Uint8Array(content);
      return this.#binaryType === 'blob' ? new Blob([bytes]) : bytes.buffer;
    }
  }
  traced.add(TracedWebSocket);
  Object.defineProperty(TracedWebSocket, 'name', { value: 'WebSocket' });
  // The cast: a subclass with the same constructor and members.
  return TracedWebSocket as unknown as Class;
}

/** Returns the event with other data. Its other members are those of the original. */
const viewOf = (event: object, data: unknown): object => withMembers(event, { data });

/** The options that Node takes in place of the protocols. */
interface Init {
  readonly headers?: ConstructorParameters<typeof Headers>[0];
}

function asInit(protocols: unknown): object {
  if (typeof protocols === 'object' && protocols !== null && !Array.isArray(protocols)) return protocols;
  return protocols === undefined ? {} : { protocols };
}

const headersIn = (protocols: unknown) => (asInit(protocols) as Init).headers;
