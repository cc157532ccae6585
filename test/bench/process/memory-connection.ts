import type { Server } from 'node:http';
import { Duplex } from 'node:stream';

/**
 * A connection to a server of this process without a socket: the server's own parser, request and response run, and
 * nothing of the kernel. One request is under way at a time, as on a connection that is kept alive.
 */
export class MemoryConnection extends Duplex {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 50_000;
  #answered: (() => void) | undefined;

  /** @param server Need not listen. */
  constructor(server: Server) {
    // As a socket does, which gets text as text.
    super({ decodeStrings: false });
    server.emit('connection', this);
  }

  /** Sends a request, and resolves when its answer, which must be an object in JSON, has been written. */
  request(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.push(bytes);
    });
  }

  /** Servers set a time-out between requests. */
  setTimeout(): this {
    return this;
  }

  override _read(): void {}

  override _write(chunk: Buffer | string, _encoding: string, done: () => void): void {
    done();
    this.#wrote(chunk);
  }

  override _writev(chunks: { chunk: Buffer | string }[], done: () => void): void {
    done();
    for (const { chunk } of chunks) this.#wrote(chunk);
  }

  #wrote(chunk: Buffer | string): void {
    const last = typeof chunk === 'string' ? chunk.charCodeAt(chunk.length - 1) : chunk.at(-1);
    if (last !== CLOSING_BRACE) return;
    // What the server does behind the last byte belongs to the request, too.
    setImmediate(this.#answered as () => void);
  }
}

const CLOSING_BRACE = 0x7d;
