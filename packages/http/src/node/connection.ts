import { executionAsyncId } from 'node:async_hooks';
import type { Socket } from 'node:net';

/** An exchange as its connection sees it. */
export interface CarriedExchange {
  /** Whether no final head has left yet. */
  readonly awaitsHead: boolean;
  /** Whether all of its response has been handed over. */
  readonly finished: boolean;
  /** Called when a final head has left, written by Node or past it. */
  headLeft(status: number): void;
  /** Called when a later exchange has its turn: this one is over, and has not shown it. */
  passed(): void;
  /** Called when nothing more can come of it. */
  end(): void;
}

/** On Node's request and response: what binds them to their exchange. */
export const BINDING: unique symbol = Symbol('throughline.binding');

const CONNECTION = Symbol('throughline.connection');

/** What streams call to do their work, which is when bytes leave, and what Node keeps on the socket. */
interface WatchedSocket extends Omit<Socket, '_write' | '_writev' | '_destroy'> {
  [CONNECTION]?: Connection;
  _write(chunk: unknown, encoding: unknown, done: unknown): void;
  _writev?: ((chunks: readonly { readonly chunk: unknown }[], done: unknown) => void) | null;
  _destroy(error: Error | null, done: unknown): void;
  /** The response whose turn it is. */
  readonly _httpMessage?: { readonly [BINDING]?: { readonly binding: CarriedExchange } } | null;
  readonly parser?: unknown;
  readonly _handle?: { getAsyncId?(): number } | null;
  readonly _writableState?: { readonly errored?: unknown };
}

/**
 * What one HTTP/1 connection knows of the exchanges on it: one state and one listener for all of them.
 *
 * The socket is the witness that cannot be taken away. It sees the heads that Node, a protocol or a handler writes past
 * the response, whether what was written has left, who destroyed it, and the end of everything.
 */
export class Connection {
  /** Whether bytes were lost when the socket was destroyed. */
  lostBytes = false;
  /** What the socket was destroyed with: writes that the destruction cancels leave another error on it. */
  error: NodeJS.ErrnoException | null | undefined;
  /** Whether that is an error of the system that another socket had. */
  foreignError = false;
  /** Whether the protocol was switched with no exchange to answer. */
  switched: boolean;
  /** In the order of arrival, which is the order of the responses; the second holds those of a client that pipelines. */
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
    // Node has taken its parser off, and other code has answered.
    this.switched = !socket.parser && socket.bytesWritten > 0;
  }

  /** Returns the state of a socket, which begins with the first call. `undefined`: it is no socket to be watched. */
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

  /** Hands bytes to the system, one piece or several, and reports the head among them once they have left. */
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
    // A client that is gone already makes the system refuse them at once.
    if (status === undefined || this.#socket._writableState?.errored) return;
    if (exchange === undefined) this.switched = status === 101;
    else exchange.headLeft(status);
  }

  #destroyed(error: Error | null, done: unknown): void {
    if (this.#socket.writableLength > 0) this.lostBytes = true;
    this.error = error;
    // What the system says of this socket arrives in a callback of its own handle.
    if (this.error?.syscall === 'read')
      this.foreignError = executionAsyncId() !== this.#socket._handle?.getAsyncId?.();
    this.#destroy.call(this.#socket, error, done);
  }

  #unfinished(): CarriedExchange | undefined {
    return this.#first?.finished === false ? this.#first : this.#others.find(({ finished }) => !finished);
  }

  #answering(): CarriedExchange | undefined {
    const { _httpMessage: message } = this.#socket;
    return message ? message[BINDING]?.binding : this.#unfinished();
  }
}

/** Shared by all connections, so never added to. */
const NONE: CarriedExchange[] = [];

/** The status of the first final head in a piece of a response; `101` is final for HTTP. */
function finalStatus(chunk: unknown): number | undefined {
  let text = headText(chunk);
  while (text?.startsWith('HTTP/1.')) {
    const status = Number(text.slice(9, 12));
    if (status === 101 || status >= 200) return status;
    const end = text.indexOf('\r\n\r\n');
    text = end === -1 ? undefined : text.slice(end + 4);
  }
  return undefined;
}

function finalStatusOf(chunks: readonly { readonly chunk: unknown }[]): number | undefined {
  for (const { chunk } of chunks) {
    const status = finalStatus(chunk);
    if (status !== undefined) return status;
  }
  return undefined;
}

/** No head that a server writes is longer. */
const MAX_HEAD = 16 * 1024;
const H = 0x48;

function headText(chunk: unknown): string | undefined {
  if (typeof chunk === 'string') return chunk;
  return Buffer.isBuffer(chunk) && chunk[0] === H ? chunk.toString('latin1', 0, MAX_HEAD) : undefined;
}
