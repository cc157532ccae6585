import { once } from 'node:events';
import http, { type IncomingHttpHeaders } from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { within } from '../kit/deadline.ts';
import { withResolvers } from '../kit/gate.ts';

/** Where a server under test listens. */
export interface Origin {
  readonly scheme: 'http' | 'https';
  readonly httpVersion: '1.1' | '2';
  readonly port: number;
}

/** A request that a case sends. */
export interface WireRequest {
  /** @default "GET" */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | readonly string[];
  /** Keep the request body open after `body`; the case ends or aborts it. */
  readonly endless?: boolean;
}

/** A response as it came over the wire. */
export interface WireResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A request on the wire that the case can watch and cut. */
export interface WireExchange {
  /** Settles when the response head is in. */
  readonly head: Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders }>;
  /** Settles when the next piece of the body is in. */
  chunk(): Promise<string>;
  /** Settles when the whole response is in; rejects when it was cut. */
  readonly response: Promise<WireResponse>;
  /** Leaves, like a browser whose tab is closed. */
  abort(): void;
}

/** The client of a case: one connection pool, closed with the case. */
export interface WireClient {
  send(path: string, request?: WireRequest): WireExchange;
  close(): void;
}

/** Returns a client that speaks the origin's protocol; with `keepAlive`, it reuses one HTTP/1.1 connection. */
export function connect(origin: Origin, keepAlive = false): WireClient {
  return origin.httpVersion === '2' ? connectHttp2(origin) : connectHttp1(origin, keepAlive);
}

function connectHttp1(origin: Origin, keepAlive: boolean): WireClient {
  const transport = origin.scheme === 'https' ? https : http;
  const agent = new transport.Agent({ keepAlive, maxSockets: keepAlive ? 1 : Number.POSITIVE_INFINITY });
  return {
    send(path, { method = 'GET', headers = {}, body = [], endless = false } = {}) {
      const request = transport.request({
        host: '127.0.0.1',
        port: origin.port,
        path,
        method,
        headers,
        agent,
        rejectUnauthorized: false,
      } as https.RequestOptions);
      const reading = new Reading(() => request.destroy());
      request.on('error', (error) => reading.fail(error));
      request.on('response', (response) => {
        reading.start(response.statusCode ?? 0, response.headers);
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => reading.add(chunk));
        response.on('error', (error) => reading.fail(error));
        response.on('aborted', () => reading.fail(new Error('the response was cut')));
        response.on('end', () => reading.finish());
      });
      for (const piece of [body].flat()) request.write(piece);
      if (endless) request.flushHeaders();
      else request.end();
      return reading;
    },
    close: () => agent.destroy(),
  };
}

function connectHttp2(origin: Origin): WireClient {
  const session = http2.connect(`${origin.scheme}://127.0.0.1:${origin.port}`, { rejectUnauthorized: false });
  session.on('error', () => {});
  return {
    send(path, { method = 'GET', headers = {}, body = [], endless = false } = {}) {
      const { host, ...rest } = headers as Record<string, string>;
      const pieces = [body].flat();
      const stream = session.request(
        { ...(host ? { ':authority': host } : {}), ...rest, ':path': path, ':method': method },
        { endStream: pieces.length === 0 && !endless },
      );
      const reading = new Reading(() => stream.close(http2.constants.NGHTTP2_CANCEL));
      let over = false;
      let headed = false;
      stream.on('response', ({ ':status': status, ...head }) => {
        headed = true;
        reading.start(status ?? 0, head);
      });
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => reading.add(chunk));
      stream.on('error', (error) => reading.fail(error));
      stream.on('end', () => {
        over = stream.rstCode === 0;
      });
      stream.on('close', () => {
        if (headed && over && stream.rstCode === 0) reading.finish();
        else reading.fail(new Error('the response was cut'));
      });
      for (const piece of pieces) stream.write(piece);
      if (!endless && pieces.length > 0) stream.end();
      return reading;
    },
    close: () => session.destroy(),
  };
}

class Reading implements WireExchange {
  readonly head: WireExchange['head'];
  readonly response: Promise<WireResponse>;
  readonly abort: () => void;
  #text = '';
  #unread = '';
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #error: Error | undefined;
  readonly #headIn = withResolvers<void>();
  readonly #over = withResolvers<void>();
  #more = withResolvers<void>();

  constructor(abort: () => void) {
    this.abort = abort;
    this.head = this.#read(this.#headIn.promise, () => ({ status: this.#status, headers: this.#headers }));
    this.response = this.#read(this.#over.promise, () => {
      if (this.#error) throw this.#error;
      return { status: this.#status, headers: this.#headers, text: this.#text };
    });
    // A case that cuts its request does not look at the response.
    for (const promise of [this.head, this.response]) promise.catch(() => {});
  }

  start(status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#headers = headers;
    this.#headIn.resolve();
  }

  add(chunk: string): void {
    this.#text += chunk;
    this.#unread += chunk;
    this.#more.resolve();
  }

  fail(error: Error): void {
    this.#error ??= error;
    this.#headIn.resolve();
    this.finish();
  }

  finish(): void {
    this.#over.resolve();
    this.#more.resolve();
  }

  async chunk(): Promise<string> {
    await within(this.#more.promise, () => 'a piece of the response body');
    this.#more = withResolvers();
    const chunk = this.#unread;
    this.#unread = '';
    return chunk;
  }

  async #read<T>(ready: Promise<void>, value: () => T): Promise<T> {
    await within(ready, () => 'the response');
    if (this.#error && this.#status === 0) throw this.#error;
    return value();
  }
}

/**
 * Writes bytes on a bare connection and returns what comes back until the server closes it.
 *
 * For requests that no client library would send. Rejects when the server keeps the connection open.
 */
export async function exchangeBytes(origin: Origin, bytes: string | readonly string[]): Promise<string> {
  const socket = openSocket(origin);
  let received = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    received += chunk;
  });
  socket.on('error', () => {});
  const closed = once(socket, 'close');
  await once(socket, origin.scheme === 'https' ? 'secureConnect' : 'connect');
  for (const piece of [bytes].flat()) {
    await new Promise<void>((written) => {
      socket.write(piece, 'latin1', () => written());
    });
    // A turn between the pieces makes them separate TCP segments on loopback.
    await new Promise((turn) => setImmediate(turn));
  }
  await within(closed, () => `the server to close the connection; got ${JSON.stringify(received)}`).finally(
    () => socket.destroy(),
  );
  return received;
}

function openSocket({ scheme, port }: Origin): net.Socket {
  return scheme === 'https'
    ? tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
    : net.connect(port, '127.0.0.1');
}
