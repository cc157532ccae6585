import { fork } from 'node:child_process';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { join } from 'node:path';

export const ADAPTERS = ['http', 'http2', 'express', 'fastify', 'koa'] as const;
export type Adapter = (typeof ADAPTERS)[number];

/** What a server has left behind, counted in it after a collection. */
export interface Left {
  readonly heap: number;
  readonly started: number;
  readonly ended: number;
  /** Sum of `http.server.active_requests`. */
  readonly active: number;
  readonly sockets: number;
  /** Of each open connection: how many listeners it has. */
  readonly listeners: readonly number[];
}

export interface SoakResult {
  readonly requests: number;
  readonly left: Left;
  /** Listeners of a connection that has served one request, and of one that has served many, pipelined too. */
  readonly listeners: { readonly fresh: number; readonly used: number };
  /** Bytes per request by which the heap grew once it was warm: least squares over the lowest of every few samples. */
  readonly heapSlope: number;
  /** What the process warned of: `MaxListenersExceededWarning`. */
  readonly warnings: readonly string[];
}

/**
 * Serves `requests` requests with one adapter: 10 % of them are left by their client, 10 % carry hostile headers, 20 %
 * are pipelined (HTTP/2: at the same time). Which ones does not depend on chance.
 */
export async function soak(adapter: Adapter, requests: number, samples = 40): Promise<SoakResult> {
  const child = fork(join(import.meta.dirname, 'server.ts'), [adapter], { execArgv: ['--expose-gc'] });
  const warnings: string[] = [];
  child.on('message', ({ warning }: { warning?: string }) => warning && warnings.push(warning));
  const ask = async <T>(name: string): Promise<T> => {
    for (;;) {
      const [message] = (await once(child, 'message')) as [Record<string, T>];
      const answer = message[name];
      if (answer !== undefined) return answer;
    }
  };
  const left = () => {
    child.send('left');
    return ask<Left>('left');
  };
  try {
    const port = await ask<number>('port');
    const client = adapter === 'http2' ? http2Client(port) : http1Client(port);
    const fresh = (await settled(left, async () => client.one())).listeners[0] ?? 0;
    const heaps: [requests: number, heap: number][] = [];
    let sent = 1;
    for (let sample = 0; sample < samples; sample += 1) {
      for (const until = (requests * (sample + 1)) / samples; sent < until; ) sent += await client.round();
      heaps.push([sent, (await left()).heap]);
    }
    const { listeners } = await settled(left, async () => client.one());
    client.close();
    const last = await settled(left, async () => {}, 0);
    return {
      requests: sent,
      left: last,
      listeners: { fresh, used: Math.max(...listeners) },
      heapSlope: slope(lowest(heaps.slice(Math.floor(samples / 4)))),
      warnings,
    };
  } finally {
    child.kill('SIGKILL');
  }
}

/** Asks until no request is under way, and no more connections are open: a server notices a moment later. */
async function settled(left: () => Promise<Left>, first: () => Promise<unknown>, sockets = 1): Promise<Left> {
  await first();
  for (let turn = 0; ; turn += 1) {
    const now = await left();
    if ((now.started === now.ended && now.sockets <= sockets) || turn === 100) return now;
    await new Promise((done) => setTimeout(done, 20));
  }
}

interface Client {
  /** Sends one plain request on the connection that is kept. */
  one(): Promise<void>;
  /** Sends some requests of every kind; returns how many. */
  round(): Promise<number>;
  close(): void;
}

const HOSTILE = [
  'traceparent: 00-zz\r\ntracestate: =,=,,;;==,',
  `traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nbaggage: ${'a=b,'.repeat(1000)}`,
  `tracestate: ${Array.from({ length: 64 }, (_, n) => `k${n}=v`).join()}`,
  'baggage: %zz=%zz,=,;;,__proto__=1\r\nx-forwarded-for: ,,,\r\nforwarded: for="[;host=',
  `cookie: ${'x'.repeat(6000)}\r\nuser-agent: `,
];
const PARENT = 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const get = (headers = PARENT, query = '') =>
  `GET /items/7${query} HTTP/1.1\r\nhost: soak\r\n${headers}\r\n\r\n`;
const CUT = `POST /items HTTP/1.1\r\nhost: soak\r\ncontent-type: application/json\r\ncontent-length: 99\r\n${PARENT}\r\n\r\n{"a":`;
/** In the ways that differ on the wire. */
const LEAVES: readonly ((socket: net.Socket) => void)[] = [
  (socket) => socket.destroy(),
  (socket) => socket.resetAndDestroy(),
  (socket) => socket.end(),
];

/** One round is 20 requests: 14 one after the other (2 hostile), 4 pipelined, 2 that their clients leave. */
function http1Client(port: number): Client {
  const kept = net.connect(port, '127.0.0.1').setEncoding('latin1');
  let round = 0;
  const exchange = async (bytes: string, answers: number) => {
    let seen = 0;
    kept.write(bytes);
    while (seen < answers) {
      const [chunk] = (await once(kept, 'data')) as [string];
      seen += chunk.split('HTTP/1.1 ').length - 1;
    }
  };
  const leave = async (bytes: string) => {
    const socket = net.connect(port, '127.0.0.1').on('error', () => {});
    await once(socket, 'connect');
    await new Promise((written) => socket.write(bytes, written));
    LEAVES[round % LEAVES.length]?.(socket);
    if (!socket.closed) await once(socket.resume(), 'close');
  };
  return {
    one: () => exchange(get(), 1),
    async round() {
      round += 1;
      const cut = [leave(CUT), leave(get(PARENT, '?slow=1'))];
      for (let n = 0; n < 12; n += 1) await exchange(get(), 1);
      for (let n = 0; n < 2; n += 1) await exchange(get(HOSTILE[(round + n) % HOSTILE.length]), 1);
      await exchange(get().repeat(4), 4);
      await Promise.all(cut);
      return 20;
    },
    close: () => kept.destroy(),
  };
}

function http2Client(port: number): Client {
  const kept = http2.connect(`http://127.0.0.1:${port}`);
  let round = 0;
  const fields = (lines: string) =>
    Object.fromEntries(
      lines.split('\r\n').map((line) => [line.split(': ')[0] ?? '', line.split(': ')[1] ?? '']),
    );
  const request = (lines = PARENT, path = '/items/7', session = kept) =>
    session.request({ ...fields(lines), ':path': path }).on('error', () => {});
  const answered = (lines?: string) => once(request(lines).resume(), 'close').then(() => {});
  // On a session of its own: a server ends one that resets many streams.
  const leave = async () => {
    const session = http2.connect(`http://127.0.0.1:${port}`).on('error', () => {});
    const stream = request(PARENT, '/items/7?slow=1', session);
    // The next turn sends the request; without it there would be none to leave.
    await new Promise((turn) => setTimeout(turn, 1));
    stream.close(round % 2 === 0 ? http2.constants.NGHTTP2_CANCEL : http2.constants.NGHTTP2_INTERNAL_ERROR);
    if (!stream.destroyed) await new Promise((closed) => stream.resume().once('close', closed));
    session.close();
  };
  return {
    one: () => answered(),
    async round() {
      round += 1;
      const cut = [leave(), leave()];
      for (let n = 0; n < 12; n += 1) await answered();
      for (let n = 0; n < 2; n += 1) await answered(HOSTILE[(round + n) % HOSTILE.length]);
      await Promise.all([answered(), answered(), answered(), answered()]);
      await Promise.all(cut);
      return 20;
    },
    close: () => kept.close(),
  };
}

/** Code that is compiled and thrown away moves the heap by more than what would be a leak, upwards. */
function lowest(points: readonly [x: number, y: number][]): [x: number, y: number][] {
  const groups = Array.from({ length: Math.ceil(points.length / 5) }, (_, at) =>
    points.slice(at * 5, at * 5 + 5),
  );
  return groups.map((group) => group.reduce((low, point) => (point[1] < low[1] ? point : low)));
}

function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const above = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0);
  return above / points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
}
