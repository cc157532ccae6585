import { executionAsyncId } from 'node:async_hooks';
import type { Socket } from 'node:net';

/** An exchange as its connection sees it. */
export interface CarriedExchange {
  /** Whether no final head has been sent yet. */
  readonly awaitsHead: boolean;
  /** Whether all of its response has been handed over. */
  readonly finished: boolean;
  /** Called when a final head has been sent, by Node or past its response. */
  headLeft(status: number): void;
  /** Called when it is a later exchange's turn: this one is over without having shown it. */
  passed(): void;
  /** Called when the connection or the stream has closed. */
  end(): void;
}

/** The property of Node's request and response that holds the binding to their exchange. */
export const BINDING: unique symbol = Symbol('throughline.binding');

const CONNECTION = Symbol('throughline.connection');

/** The methods that streams call when bytes leave, and what Node keeps on the socket. */
interface WatchedSocket extends Omit<Socket, '_write' | '_writev' | '_destroy'> {
  [CONNECTION]?: Connection;
  _write(chunk: unknown, encoding: unknown, done: unknown): void;
  _writev?: ((chunks: readonly { readonly chunk: unknown }[], done: unknown) => void) | null;
  _destroy(error: Error | null, done: unknown): void;
  /** The response whose turn it is. */
  readonly _httpMessage?: { readonly [BINDING]?: CarriedExchange } | null;
  readonly parser?: unknown;
  readonly _handle?: { getAsyncId?(): number } | null;
  readonly _writableState?: { readonly errored?: unknown };
}

/**
 * The exchanges of one HTTP/1 connection. All of them share this state and one listener.
 *
 * The socket is the witness that no other code removes. It shows the heads that a protocol or a handler writes past the
 * response, whether written bytes were sent, what destroyed it, and that it has closed.
 */
export class Connection {
  /** Whether bytes were lost when the socket was destroyed. */
  lostBytes = false;
  /** The error that the socket was destroyed with. Writes that this cancels leave another error on the socket. */
  error: NodeJS.ErrnoException | null | undefined;
  /** Whether that is a system error of another socket. */
  foreignError = false;
  /** Whether the protocol was switched while no exchange was under way. */
  switched: boolean;
  /** The exchanges in the order of arrival, which is the order of the responses. Only pipelining clients have others. */
  #first: CarriedExchange | undefined;
  #others: CarriedExchange[] = NONE;
  readonly #socket: WatchedSocket;
  readonly #write: WatchedSocket['_write'];
  readonly #writev: WatchedSocket['_writev'];
  readonly #destroy: WatchedSocket['_destroy'];

  private constructor(socket: WatchedSocket) {
    this.#socket = socket;
    this.#write = socket._write;
    this.#writev = socket._writev;
    this.#destroy = socket._destroy;
    // Node has removed its parser, and other code has answered.
    this.switched = !socket.parser && socket.bytesWritten > 0;
  }

  /** Returns the state of a socket, created by the first call; `undefined` if the socket cannot be watched. */
  static of(socket: Socket | null | undefined): Connection | undefined {
    const watched = socket as WatchedSocket | null | undefined;
    if (watched?.[CONNECTION] !== undefined) return watched[CONNECTION];
    if (typeof watched?._write !== 'function' || typeof watched._destroy !== 'function') return undefined;
    const connection = new Connection(watched);
    watched[CONNECTION] = connection;
    watched._write = (chunk, encoding, done) => connection.#leaves(chunk, undefined, encoding, done);
    if (typeof watched._writev === 'function')
      watched._writev = (chunks, done) => connection.#leaves(undefined, chunks, undefined, done);
    watched._destroy = (error, done) => connection.#destroyed(error, done);
    watched.on('close', () => {
      for (const exchange of connection.#takeAll()) exchange.end();
    });
    return connection;
  }

  add(exchange: CarriedExchange, itsTurn: boolean): void {
    if (itsTurn && this.#first !== undefined) for (const earlier of this.#takeAll()) earlier.passed();
    if (this.#first === undefined) this.#first = exchange;
    else if (this.#others === NONE) this.#others = [exchange];
    else this.#others.push(exchange);
  }

  remove(exchange: CarriedExchange): void {
    if (this.#first === exchange) this.#first = this.#others.shift();
    else if (this.#others.includes(exchange)) this.#others.splice(this.#others.indexOf(exchange), 1);
  }

  #takeAll(): CarriedExchange[] {
    const all = this.#first === undefined ? [] : [this.#first, ...this.#others];
    this.#first = undefined;
    this.#others = NONE;
    return all;
  }

  /** Writes bytes, one chunk or several, and reports the head among them once they were sent. */
  #leaves(
    chunk: unknown,
    chunks: readonly { readonly chunk: unknown }[] | undefined,
    encoding: unknown,
    done: unknown,
  ): void {
    const exchange = this.#answering();
    const looks = exchange === undefined ? !this.switched : exchange.awaitsHead;
    const status = looks ? (chunks === undefined ? finalStatus(chunk) : finalStatusOf(chunks)) : undefined;
    if (chunks === undefined) this.#write.call(this.#socket, chunk, encoding, done);
    else this.#writev?.call(this.#socket, chunks, done);
    // If the client has left, the system refuses them at once.
    if (status === undefined || this.#socket._writableState?.errored) return;
    if (exchange === undefined) this.switched = status === 101;
    else exchange.headLeft(status);
  }

  #destroyed(error: Error | null, done: unknown): void {
    if (this.#socket.writableLength > 0) this.lostBytes = true;
    this.error = error;
    // A system error of this socket arrives in a callback of its own handle.
    if (this.error?.syscall === 'read')
      this.foreignError = executionAsyncId() !== this.#socket._handle?.getAsyncId?.();
    this.#destroy.call(this.#socket, error, done);
  }

  #unfinished(): CarriedExchange | undefined {
    return this.#first?.finished === false ? this.#first : this.#others.find(({ finished }) => !finished);
  }

  #answering(): CarriedExchange | undefined {
    const { _httpMessage: message } = this.#socket;
    return message ? message[BINDING] : this.#unfinished();
  }
}

/** Shared by all connections: nothing must be added. */
const NONE: CarriedExchange[] = [];

/** Returns the status of the first final head in a chunk of a response; 101 is final for HTTP. */
function finalStatus(chunk: unknown): number | undefined {
  let text = headText(chunk);
  while (text?.startsWith('HTTP/1.')) {
    const status = statusOf(text);
    if (status === 101 || status >= 200) return status;
    const end = text.indexOf('\r\n\r\n');
    text = end === -1 ? undefined : text.slice(end + 4);
  }
  return undefined;
}

const ZERO = 0x30;

/** Returns the number in `HTTP/1.1 200`, without a text of its own; `NaN` or nonsense where there is none. */
export function statusOf(head: string): number {
  const digit = (at: number) => head.charCodeAt(at) - ZERO;
  return digit(9) * 100 + digit(10) * 10 + digit(11);
}

function finalStatusOf(chunks: readonly { readonly chunk: unknown }[]): number | undefined {
  for (const { chunk } of chunks) {
    const status = finalStatus(chunk);
    if (status !== undefined) return status;
  }
  return undefined;
}

/** The longest part of a chunk that is searched for heads. */
const MAX_HEAD = 16 * 1024;
const H = 0x48;

function headText(chunk: unknown): string | undefined {
  if (typeof chunk === 'string') return chunk;
  return Buffer.isBuffer(chunk) && chunk[0] === H ? chunk.toString('latin1', 0, MAX_HEAD) : undefined;
}
