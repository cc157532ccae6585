import type { SocketConnection } from '../connection/socket-connection.ts';
import { contentToSend } from '../messages/content-to-send.ts';
import type { MessageCodec, OpenedMessage } from '../messages/message-codec.ts';
import { openWith, sealWith } from '../messages/message-on-socket.ts';
import { likeReceived, receivedContent } from './message-forms.ts';

/** A class of `ws`, as a generic bound; its constructor's arguments are its own. */
export type SocketClass = new (...args: never[]) => object;

/** A socket of ws 8, as used here. */
export interface Socket {
  readonly url: string;
  binaryType: string;
  emit(event: unknown, ...args: unknown[]): boolean;
  rawListeners(event: string): ((...args: unknown[]) => unknown)[];
  send(data: unknown, ...rest: unknown[]): void;
}

/** The connection of a traced socket, and how its messages carry a context. Absent: they carry none. */
export interface Attached {
  readonly connection: SocketConnection;
  readonly codec: MessageCodec | undefined;
}

const attached = new WeakMap<object, Attached>();
const traced = new WeakSet<object>();
/** Sockets on which a message was begun whose last fragment is still to come. */
const fragmenting = new WeakSet<object>();

/** Makes a socket send and deliver its messages by a connection. */
export function attach(socket: object, to: Attached): void {
  attached.set(socket, to);
}

/**
 * Returns a subclass of the `WebSocket` of ws whose instances, once they are attached to a connection, trace what they send and
 * run their listeners in context. Others behave like those of the class itself.
 */
export function tracedSocketClass(Base: SocketClass): SocketClass {
  if (traced.has(Base)) return Base;
  // The cast: the constructor passes its arguments on.
  const Original = Base as new (...args: unknown[]) => Socket;
  class WebSocket extends Original {
    override send(data: unknown, ...rest: unknown[]): void {
      const to = attached.get(this);
      const [options, callback] = typeof rest[0] === 'function' ? [undefined, rest[0]] : rest;
      const continues = fragmenting.has(this);
      if ((options as SendOptions | undefined)?.fin === false) fragmenting.add(this);
      else fragmenting.delete(this);
      const content = contentToSend(data);
      const opened = content === undefined ? NOTHING : openWith(to?.codec, content);
      if (to === undefined || continues || opened === undefined) super.send(data, ...rest);
      else
        to.connection.sendWithCallback({ fields: opened.fields }, callback, (fields, onSent) => {
          const sealed = content === undefined ? content : sealWith(to.codec, content, opened, fields);
          super.send(sealed === content ? data : sealed, options, onSent);
        });
    }

    override emit(event: unknown, ...args: unknown[]): boolean {
      const to = attached.get(this);
      if (to === undefined) return super.emit(event, ...args);
      if (event === 'message') return deliver(this, to, args);
      return to.connection.run(() => super.emit(event, ...args));
    }
  }
  traced.add(WebSocket);
  return WebSocket;
}

/** What `send` and listeners of ws take for a message that no codec can read. */
const NOTHING: OpenedMessage<string> = { data: '' };

interface SendOptions {
  readonly fin?: boolean;
}

/** Calls the listeners as `emit` does, each in the context of the message. */
function deliver(socket: Socket, { connection, codec }: Attached, args: unknown[]): boolean {
  const listeners = socket.rawListeners('message');
  const [data, isBinary, ...rest] = args;
  const content = codec === undefined ? undefined : receivedContent(data, isBinary === true);
  const opened = content === undefined ? NOTHING : openWith(codec, content);
  const isWhole = opened === undefined || opened === NOTHING || opened.data === content;
  const given = [isWhole ? data : likeReceived(data, opened.data), isBinary, ...rest];
  for (const listener of listeners) {
    const call = () => Reflect.apply(listener, socket, given);
    if (opened === undefined) connection.run(call);
    else connection.handle({ fields: opened.fields }, call);
  }
  return listeners.length > 0;
}
