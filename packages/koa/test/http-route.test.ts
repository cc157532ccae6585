import Router from '@koa/router';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { exchangeOf, traceContext, tracedFetch } from '@throughline/koa';
import { createSpanCollector } from '@throughline/testing';
import Koa from 'koa';
import request from 'supertest';
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

async function served(build: (app: Koa) => void, path: string) {
  const app = new Koa();
  app.silent = true;
  app.use(traceContext());
  build(app);
  const { status } = await request(app.callback()).get(path);
  const span = await spans.take();
  return { status, span, route: span.attributes['http.route'] };
}
const routed = (router: Router) => (app: Koa) => void app.use(router.routes());
const ok = (ctx: Koa.Context) => {
  ctx.body = 'ok';
};

test.each<[string, (app: Koa) => void, string, string | undefined]>([
  ['a route', routed(new Router().get('/items/:id', ok)), '/items/7', '/items/:id'],
  [
    'a prefix',
    routed(new Router({ prefix: '/api' }).get('/items/:id', ok)),
    '/api/items/7',
    '/api/items/:id',
  ],
  [
    'routers in routers',
    routed(new Router().use('/tenants/:tenant', new Router().get('/users/:id', ok).routes())),
    '/tenants/acme/users/7',
    '/tenants/:tenant/users/:id',
  ],
  ['no router', (app) => void app.use(ok), '/x', undefined],
  ['nothing', () => {}, '/none', undefined],
])('http.route of %s', async (_, build, path, expected) => {
  const { route, span } = await served(build, path);
  expect(route).toBe(expected);
  expect(span.name).toBe(expected === undefined ? 'GET' : `GET ${expected}`);
});

test('an error passes through by identity and is recorded', async () => {
  const failure = new RangeError('mine');
  let seen: unknown;
  const app = new Koa();
  app.on('error', (error) => {
    seen = error;
  });
  app.use(traceContext()).use(() => {
    throw failure;
  });
  expect((await request(app.callback()).get('/')).status).toBe(500);
  expect(seen).toBe(failure);
  const span = await spans.take();
  expect(span.events.map(({ attributes }) => attributes?.['exception.type'])).toEqual(['RangeError']);
});

test('ctx.throw(404) is no error', async () => {
  const { span } = await served((app) => void app.use((ctx) => ctx.throw(404)), '/');
  expect([span.attributes['http.response.status_code'], span.attributes['error.type']]).toEqual([
    404,
    undefined,
  ]);
});

test('ctx.respond = false: the span ends with the response', async () => {
  const { span } = await served(
    (app) =>
      void app.use((ctx) => {
        ctx.respond = false;
        setImmediate(() => ctx.res.writeHead(202).end());
      }),
    '/',
  );
  expect(span.attributes['http.response.status_code']).toBe(202);
});

test.each([
  [false, 'http'],
  [true, 'https'],
])('app.proxy = %s', async (proxy, scheme) => {
  const app = new Koa({ proxy });
  app.use(traceContext()).use(ok);
  await request(app.callback()).get('/').set('X-Forwarded-Proto', 'https');
  expect((await spans.take()).attributes['url.scheme']).toBe(scheme);
});

test('mounted twice: one span', async () => {
  const { status } = await served((app) => void app.use(traceContext()).use(ok), '/');
  expect(status).toBe(200);
});

test('options are checked in its own name', () => {
  expect(() => traceContext({ spanName: 1 } as never)).toThrow(
    new TypeError('[throughline/koa] traceContext(): options.spanName must be a function, got number'),
  );
});

test('re-exports what a handler needs', () => {
  expect([typeof tracedFetch, typeof exchangeOf]).toEqual(['function', 'function']);
});
