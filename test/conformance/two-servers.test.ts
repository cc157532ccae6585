import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import KoaRouter from '@koa/router';
import { trace } from '@opentelemetry/api';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import * as onExpress from '@throughline/express';
import { tracePlugin } from '@throughline/fastify';
import { traceListener } from '@throughline/http';
import * as onKoa from '@throughline/koa';
import { tracingStatus } from '@throughline/self-check';
import { createSpanCollector } from '@throughline/testing';
import type express from 'express';
import type { fastify } from 'fastify';
import type Koa from 'koa';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

const spans = createSpanCollector();
beforeAll(() => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
});
afterEach(() => spans.assertClean());
afterAll(() => trace.disable());

const require = createRequire(import.meta.url);

/** Servers that trace by themselves, with one route. */
const INNER: readonly (readonly [name: string, create: () => Promise<RequestListener>])[] = [
  ...['express', 'express4'].map(
    (name) =>
      [
        name,
        async () => {
          const app = (require(name) as typeof express)();
          app.use(onExpress.traceContext());
          app.get('/items/:id', (_req, res) => void res.end('ok'));
          return app;
        },
      ] as const,
  ),
  ...['koa', 'koa2'].map(
    (name) =>
      [
        name,
        async () => {
          const app = new (require(name) as typeof Koa)();
          app.use(onKoa.traceContext());
          app.use(
            new KoaRouter()
              .get('/items/:id', (ctx) => {
                ctx.body = 'ok';
              })
              .routes() as Koa.Middleware,
          );
          return app.callback() as RequestListener;
        },
      ] as const,
  ),
  ...['fastify', 'fastify4'].map(
    (name) =>
      [
        name,
        async () => {
          const app = (require(name) as { fastify: typeof fastify }).fastify();
          await app.register(tracePlugin);
          app.get('/items/:id', async () => 'ok');
          await app.ready();
          return app.routing as RequestListener;
        },
      ] as const,
  ),
];

async function requested(server: Server, path: string): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await fetch(`http://127.0.0.1:${port}${path}`).then((res) => res.text());
  server.closeAllConnections();
  server.close();
}

describe.each(INNER)('%s', (_name, create) => {
  test.each<[string, (inner: RequestListener) => Server]>([
    ['a listener of ours around it', (inner) => createServer(traceListener(inner))],
    [
      'a request handed over by an event',
      (inner) => {
        const second = createServer(inner);
        return createServer(traceListener((req, res) => void second.emit('request', req, res)));
      },
    ],
    [
      'a listener of ours around one of ours',
      (inner) => createServer(traceListener((req, res) => traceListener(inner)(req, res))),
    ],
  ])('%s: one span with the route that the inner one knows', async (_, around) => {
    await requested(around(await create()), '/items/7');
    const { attributes } = await spans.take();
    expect(attributes['http.route']).toBe('/items/:id');
    expect(tracingStatus().map(({ code }) => code)).not.toContain('TL013');
  });
});

test.each(['fastify', 'fastify4'])(
  '%s on a server with a listener of ours has every answer',
  async (name) => {
    const { fastify: createApp } = require(name) as { fastify: typeof fastify };
    const app = createApp({
      serverFactory: (handler) => createServer(traceListener(handler as RequestListener)),
    });
    await app.register(tracePlugin);
    app.get('/items/:id', async () => 'ok');
    await app.ready();
    await requested(app.server as Server, '/items/%zz');
    const { attributes } = await spans.take();
    expect([attributes['http.response.status_code'], attributes['http.route']]).toEqual([400, undefined]);
  },
);

test('two middlewares that both know routes: the first one’s word, and TL013', async () => {
  const outer = (require('express') as typeof express)();
  outer.use(onExpress.traceContext());
  const inner = (require('express4') as typeof express)();
  inner.use(onExpress.traceContext()).get('/items/:id', (_req, res) => void res.end('ok'));
  outer.use('/sub', (req, res) => void inner(req, res));
  await requested(createServer(outer), '/sub/items/7');
  const { attributes } = await spans.take();
  expect(attributes['http.route']).toBe('/sub/items/:id');
  expect(tracingStatus().map(({ code }) => code)).toContain('TL013');
});
