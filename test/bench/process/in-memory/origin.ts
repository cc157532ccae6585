import { Duplex } from 'node:stream';

const ANSWER = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nkeep-alive: timeout=600\r\n\r\nok',
);

/** A connection to a server that answers each request at once: a GET comes in one piece. */
class Connection extends Duplex {
  // What clients show of a socket.
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 8080;

  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: unknown, done: () => void): void {
    done();
    this.push(ANSWER);
  }
}

type Connect = (options: unknown, callback: (error: null, socket: Duplex) => void) => void;

/** Makes the global `fetch` send to a server in memory: everything of undici runs, and nothing of the kernel. */
export async function serveInMemory(): Promise<void> {
  // Loads undici.
  await fetch('data:,');
  const key = Symbol.for('undici.globalDispatcher.1');
  const dispatchers = globalThis as unknown as Record<symbol, { constructor: unknown }>;
  const Agent = dispatchers[key]?.constructor as new (options: { connect: Connect }) => never;
  // Later, as a connection is never there at once.
  const connect: Connect = (_options, callback) => setImmediate(callback, null, new Connection());
  dispatchers[key] = new Agent({ connect });
}
