import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { within } from './deadline.ts';
import { createGates, type Gate, withResolvers } from './gate.ts';

/** A request as it arrived at the origin. */
export interface ReceivedRequest {
  readonly method: string;
  /** Request-target: path and query, as received. */
  readonly target: string;
  /** Header lines in order, names as sent: duplicates stay apart. */
  readonly lines: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** A plain server that records what clients send; it knows nothing of traces. */
export interface OriginServer {
  /** `http://127.0.0.1:8123` */
  readonly url: string;
  readonly port: number;
  readonly received: readonly ReceivedRequest[];
  gate(name: string): Gate;
  /** Waits until `count` requests have arrived in full. */
  arrived(count: number): Promise<readonly ReceivedRequest[]>;
  close(): Promise<void>;
}

/** Returns all values of a header, whose name may be in any letter case: one for each line. */
export function headerValues(request: ReceivedRequest, name: string): string[] {
  return request.lines.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
}

/** Starts an origin server on a free loopback port and returns it. */
export async function startOriginServer(): Promise<OriginServer> {
  const received: ReceivedRequest[] = [];
  const { gate, openAll } = createGates();
  const sockets = new Set<Socket>();
  let changed = withResolvers<void>();

  const server = createServer(async (req, res) => {
    const { method = '', url: target = '' } = req;
    if (target === '/reset') return res.destroy();
    res.on('error', () => {});
    let body = '';
    try {
      for await (const chunk of req.setEncoding('utf8')) body += chunk;
    } catch {
      return;
    }
    received.push({ method, target, lines: linesOf(req), body });
    changed.resolve();
    changed = withResolvers();
    await answer(res, method, new URL(target, 'http://origin.test'), body, gate);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    received,
    gate,
    async arrived(count) {
      const wait = async (): Promise<void> => {
        while (received.length < count) await changed.promise;
      };
      await within(wait(), () => `${count} requests at the origin, got ${received.length}`);
      return received;
    },
    async close() {
      openAll();
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function answer(
  res: ServerResponse,
  method: string,
  url: URL,
  body: string,
  gate: (name: string) => Gate,
): Promise<void> {
  const [, route, argument] = url.pathname.split('/');
  switch (route) {
    case 'status':
      res.writeHead(Number(argument), { 'x-answer': '42' }).end();
      return;
    case 'echo':
      res.writeHead(200, { 'content-type': 'text/plain', 'x-answer': '42' }).end(`${method} ${body}`);
      return;
    case 'redirect':
      res.writeHead(Number(argument), { location: url.searchParams.get('to') ?? '/ok' }).end('moved');
      return;
    case 'loop':
      res.writeHead(302, { location: '/loop' }).end();
      return;
    case 'held':
      gate('arrived').open();
      await gate('release').passed;
      res.end('late');
      return;
    case 'streamed':
      res.writeHead(200, { 'content-type': 'text/plain' });
      res.write('first ');
      await gate('rest').passed;
      res.end('last');
      return;
    case 'cut':
      res.writeHead(200, { 'content-type': 'text/plain', 'content-length': '100' });
      res.write('first ');
      await gate('rest').passed;
      res.destroy();
      return;
    default:
      res.writeHead(200, { 'content-type': 'text/plain', 'x-answer': '42' }).end('ok');
  }
}

function linesOf(req: IncomingMessage): [string, string][] {
  const lines: [string, string][] = [];
  for (let at = 0; at < req.rawHeaders.length; at += 2) {
    lines.push([req.rawHeaders[at] ?? '', req.rawHeaders[at + 1] ?? '']);
  }
  return lines;
}
