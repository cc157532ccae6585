import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { FRAMEWORKS } from './bytes.ts';
import { type Child, startChild } from './child.ts';
import type { ExportedSpan } from './process/exported.ts';

const IDS = '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331';
const TRACEPARENT = `traceparent: 00-${IDS}-01\r\n`;

/** What arrives, by what is special about it. */
const REQUESTS: Readonly<Record<string, string>> = {
  'a sampled caller': `GET /items/42?color=blue&token=abc HTTP/1.1\r\nhost: shop.example:8080\r\nuser-agent: test\r\n${TRACEPARENT}`,
  'no caller': 'GET /items/42 HTTP/1.1\r\nhost: shop.example\r\n',
  'an unknown method of HTTP': `PROPFIND /items/42 HTTP/1.1\r\nhost: shop.example\r\n${TRACEPARENT}`,
  'a traceparent that is none': `GET /items/42 HTTP/1.1\r\nhost: shop.example\r\ntraceparent: 00-${IDS}-0x\r\n`,
  'a path without a route': `GET /nothing HTTP/1.1\r\nhost: shop.example\r\n${TRACEPARENT}`,
};

const started = new Map<string, Child>();
afterAll(() => Promise.all([...started.values()].map((child) => child.stop())));

async function server(framework: string, file: string): Promise<Child> {
  const key = `${framework} ${file}`;
  const child =
    started.get(key) ??
    (await startChild('measured', import.meta.dirname, 'server.ts', [framework, file], {
      env: { BENCH_CHECK: '1' },
    }));
  started.set(key, child);
  return child;
}

async function spanOf(framework: string, file: string, head: string): Promise<unknown> {
  const child = await server(framework, file);
  const socket = connect(child.port, '127.0.0.1');
  socket.resume();
  socket.write(`${head}connection: close\r\n\r\n`);
  await once(socket, 'close');
  const { spans } = await child.ask<{ spans: (ExportedSpan & { shown: { attributes: object } })[] }>('spans');
  const [span] = spans;
  const { attributes, ...shown } = span?.shown ?? { attributes: {} };
  const { 'network.peer.port': port, ...compared } = attributes as Record<string, unknown>;
  return {
    count: spans.length,
    parent: span?.parentSpanId,
    port: typeof port,
    attributes: compared,
    ...shown,
  };
}

describe.each(FRAMEWORKS)('the limit that bytes are compared with, on %s', (framework) => {
  it.each(Object.entries(REQUESTS))('records what Throughline records for %s', async (_what, head) => {
    // The bench names the one route of the plain listener, whatever the path.
    const limit = await spanOf(framework, 'limit-full.ts', head);
    expect(limit).toEqual(await spanOf(framework, 'throughline.ts', head));
    expect(limit).toMatchObject({ count: 1 });
  });
});
