import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import {
  type HeaderStrippingProxy,
  startHeaderStrippingProxy,
} from '../../examples/checkout/header-stripping-proxy.ts';

let target: Server;
let proxy: HeaderStrippingProxy;

afterEach(async () => {
  await proxy.close();
  target.close();
  target.closeAllConnections();
});

async function start(listener: Parameters<typeof createServer>[1]) {
  target = createServer(listener).listen(0, '127.0.0.1');
  await once(target, 'listening');
  proxy = await startHeaderStrippingProxy(`http://127.0.0.1:${(target.address() as AddressInfo).port}`);
}

test('forwards a request and its answer, without the headers that carry context', async () => {
  await start(async (req, res) => {
    res.writeHead(207, { 'x-answer': ['a', 'b'] });
    res.end(
      JSON.stringify({ method: req.method, url: req.url, headers: req.headers, body: await text(req) }),
    );
  });
  const answer = await fetch(`${proxy.url}/a%2Fb?c=d`, {
    method: 'PUT',
    headers: { TraceParent: '00-x', tracestate: 'a=b', baggage: 'c=d', 'x-other': 'kept', b3: 'kept' },
    body: 'body',
  });
  expect(answer.status).toBe(207);
  expect(answer.headers.get('x-answer')).toBe('a, b');
  const seen = (await answer.json()) as { headers: Record<string, string> };
  expect(seen).toMatchObject({ method: 'PUT', url: '/a%2Fb?c=d', body: 'body' });
  expect(seen.headers).toMatchObject({ 'x-other': 'kept', b3: 'kept', host: new URL(proxy.url).host });
  for (const name of ['traceparent', 'tracestate', 'baggage']) expect(seen.headers).not.toHaveProperty(name);
});

test('streams in both directions', async () => {
  // Echoes each chunk: the second request chunk is sent only when the first has come back.
  await start((req, res) => req.pipe(res));
  const { hostname, port } = new URL(proxy.url);
  const req = request({ hostname, port, method: 'POST' });
  req.write('one');
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  expect(String((await once(res, 'data'))[0])).toBe('one');
  req.end('two');
  expect(String((await once(res, 'data'))[0])).toBe('two');
});

test('tells the target when the client leaves', async () => {
  await start(() => {});
  const arrived = once(target, 'request');
  const abort = new AbortController();
  const answer = fetch(proxy.url, { signal: abort.signal });
  const [, held] = (await arrived) as [IncomingMessage, ServerResponse];
  const dropped = once(held, 'close');
  abort.abort();
  await expect(answer).rejects.toThrow();
  await dropped;
});

test('answers 502 when nothing listens behind it', async () => {
  await start(() => {});
  target.close();
  await once(target, 'close');
  expect((await fetch(proxy.url)).status).toBe(502);
});
