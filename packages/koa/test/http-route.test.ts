import Router from '@koa/router';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { exchangeOf, traceContext, tracedFetch } from '@throughline/koa';
import { createSpanCollector } from '@throughline/testing';
import Koa from 'koa';
import mount from 'koa-mount';
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
const ok: Koa.Middleware = (ctx) => {
  ctx.body = 'ok';
};

const router = (path: string) => new Router().get(path, ok).routes() as Koa.Middleware;
const mounted = (prefix: string, middleware: Koa.Middleware) => (app: Koa) =>
  void app.use(mount(prefix, middleware));

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
  [
    'a route whose router refuses it',
    routed(
      new Router()
        .use((ctx) => {
          ctx.status = 401;
        })
        .get('/items/:id', ok),
    ),
    '/items/7',
    '/items/:id',
  ],
  [
    'a route that a middleware of its path refuses',
    routed(new Router().use('/items', () => Promise.reject(new Error('mine'))).get('/items/:id', ok)),
    '/items/7',
    '/items/:id',
  ],
  [
    'the first of two routes that match',
    routed(new Router().get('/items/:id', ok).get('/items/special', ok)),
    '/items/special',
    '/items/:id',
  ],
  ['a mounted router', mounted('/v1', router('/items/:id')), '/v1/items/7', '/v1/items/:id'],
  ['a mounted router’s root', mounted('/v1', router('/')), '/v1', '/v1'],
  ['a mounted router’s root, with a slash', mounted('/v1', router('/')), '/v1/', '/v1'],
  ['a value like the mount path', mounted('/v1', router('/v1/:v1')), '/v1/v1/v1', '/v1/v1/:v1'],
  ['an encoded value', mounted('/v1', router('/:id')), '/v1/%76%31?x=/v1', '/v1/:id'],
  ['mounts in mounts', mounted('/v1', mount('/deep', router('/:id'))), '/v1/deep/7', '/v1/deep/:id'],
  [
    'a mounted application',
    (app) => void app.use(mount('/sub', new Koa().use(mount('/r', router('/:id'))))),
    '/sub/r/7',
    '/sub/r/:id',
  ],
  [
    'a route behind a mount that passes on',
    (app) => void app.use(mount('/v1', (_ctx, next) => next())).use(router('/v1/:id')),
    '/v1/7',
    '/v1/:id',
  ],
  [
    'a path that was written anew',
    (app) =>
      void app
        .use((ctx, next) => {
          ctx.path = ctx.path.replace('/secret', '');
          return next();
        })
        .use(router('/x/:id')),
    '/secret/x/7',
    '/x/:id',
  ],
  ['a mount without a router', mounted('/trpc', ok), '/trpc/user.byId', '/trpc'],
  ['mounts without a router', mounted('/a', mount('/b', ok)), '/a/b/c', '/a/b'],
  ['a mount that throws', mounted('/trpc', () => Promise.reject(new Error('mine'))), '/trpc/x', '/trpc'],
  ['a mount that finds nothing', mounted('/trpc', (_ctx, next) => next()), '/trpc/x', undefined],
  ['no router', (app) => void app.use(ok), '/x', undefined],
  ['nothing', () => {}, '/none', undefined],
])('http.route of %s', async (_, build, path, expected) => {
  const { route, span } = await served(build, path);
  expect(route).toBe(expected);
  expect(span.name).toBe(expected === undefined ? 'GET' : `GET ${expected}`);
});

test.each(['first', 'second'])(
  'tracing mounted below a mount: the whole template and path of the %s request',
  async () => {
    const traced = new Koa().use(traceContext()).use(router('/items/:id'));
    const app = new Koa().use(mount('/v1', traced));
    await request(app.callback()).get('/v1/items/7');
    const { attributes } = await spans.take();
    expect([attributes['http.route'], attributes['url.path']]).toEqual(['/v1/items/:id', '/v1/items/7']);
  },
);

test('setRoute is more exact than a mount', async () => {
  const { route } = await served(
    mounted('/trpc', (ctx) => {
      exchangeOf(ctx.req)?.setRoute('/trpc/user.byId');
      ctx.body = 'ok';
    }),
    '/trpc/user.byId',
  );
  expect(route).toBe('/trpc/user.byId');
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
