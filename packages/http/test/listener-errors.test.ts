import { EventEmitter, once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { exchangeOf, tracedFetch, traceListener } from '@throughline/http';
import { createSpanCollector } from '@throughline/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';

const spans = createSpanCollector();
beforeEach(() => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterEach(() => {
  spans.assertClean();
  spans.reset();
  trace.disable();
  context.disable();
});

async function served(listener: RequestListener, event = 'request', headers: Record<string, string> = {}) {
  const server = createServer();
  server.on(event, traceListener(listener));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/items/7`, {
    headers,
  });
  await response.text();
  const span = await spans.take();
  server.closeAllConnections();
  server.close();
  return { span, status: response.status };
}

test('serves each request in one SERVER span, which setRoute names', async () => {
  const { span } = await served((req, res) => {
    exchangeOf(req)?.setRoute('/items/:id');
    res.end('ok');
  });
  expect(span.name).toBe('GET /items/:id');
  expect(span.attributes).toMatchObject({ 'url.path': '/items/7', 'http.route': '/items/:id' });
});

test('traces inside a traced handler: an outgoing call is a child', async () => {
  const { span } = await served(async (_req, res) => {
    await tracedFetch('http://127.0.0.1:1/').catch(() => {});
    res.end('ok');
  });
  const client = [span, await spans.take()].find(({ kind }) => kind === 2);
  const server = client === span ? undefined : span;
  expect((server ?? client)?.spanContext().traceId).toBe(span.spanContext().traceId);
});

test('what the listener throws reaches the server by identity', () => {
  const failure = new Error('mine');
  const listener = traceListener(() => {
    throw failure;
  });
  const req = Object.assign(new EventEmitter(), { method: 'GET', url: '/', headers: {}, httpVersion: '1.1' });
  const res = Object.assign(new EventEmitter(), {
    socket: {},
    headersSent: false,
    getHeader: () => undefined,
  });
  let caught: unknown;
  try {
    listener(req as never, res as never);
  } catch (error) {
    caught = error;
  }
  expect(caught).toBe(failure);
  res.emit('close');
  return spans.take();
});

test('what it is given is checked in its own name', () => {
  expect(() => traceListener(undefined as never)).toThrow(
    new TypeError('[throughline/http] traceListener(): listener must be a function, got undefined'),
  );
  expect(() => traceListener(() => {}, { trust: 'x' } as never)).toThrow(
    /^\[throughline\/http\] traceListener\(\): options\.trust must be /,
  );
});
