import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { exchangeOf, traceContext, tracedFetch, traceErrors } from '@throughline/express';
import { createSpanCollector } from '@throughline/testing';
import express, { type Express, type RequestHandler, Router } from 'express';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

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

const ok: RequestHandler = (_req, res) => void res.end('ok');
const fail: RequestHandler = () => {
  throw new RangeError('from the handler');
};

async function served(
  build: (app: Express) => void,
  path: string,
  options?: Parameters<typeof traceContext>[0],
) {
  const app = express();
  app.use(traceContext(options));
  build(app);
  const { status } = await request(app).get(path);
  const span = await spans.take();
  return { status, span, route: span.attributes['http.route'] };
}

const mounted = (path: string | string[] | RegExp, router: (router: Router) => void) => (app: Express) => {
  const inner = Router({ mergeParams: true });
  router(inner);
  app.use(path as string, inner);
};

describe('http.route', () => {
  test.each<[string, (app: Express) => void, string, string | undefined]>([
    ['a route', (app) => app.get('/items/:id', ok), '/items/7', '/items/:id'],
    ['the root', (app) => app.get('/', ok), '/', '/'],
    ['a router', mounted('/api', (router) => router.get('/items/:id', ok)), '/api/items/7', '/api/items/:id'],
    ['a router’s root', mounted('/api', (router) => router.get('/', ok)), '/api', '/api'],
    [
      'a parameterised mount',
      mounted('/tenants/:tenant', (router) => router.get('/users/:id', ok)),
      '/tenants/acme/users/7',
      '/tenants/:tenant/users/:id',
    ],
    [
      'a value like a static word',
      mounted('/users/:name', (router) => router.get('/x', ok)),
      '/users/users/x',
      '/users/:name/x',
    ],
    ['an encoded value', mounted('/t/:name', (router) => router.get('/x', ok)), '/t/a%20b/x', '/t/:name/x'],
    [
      'routers in routers',
      mounted('/a/:a', (router) => router.use('/b/:b', Router({ mergeParams: true }).get('/c/:c', ok))),
      '/a/1/b/2/c/3',
      '/a/:a/b/:b/c/:c',
    ],
    ['a sub-application', (app) => app.use('/sub', express().get('/x/:id', ok)), '/sub/x/7', '/sub/x/:id'],
    ['an array of paths', (app) => app.get(['/one/:id', '/two/:id'], ok), '/two/7', '/one/:id,/two/:id'],
    ['a regular expression', (app) => app.get(/^\/re\/(\d+)$/, ok), '/re/7', '/^\\/re\\/(\\d+)$/'],
    ['a wildcard', (app) => app.get('/files/*path', ok), '/files/a/b', '/files/*path'],
    ['route()', (app) => app.route('/r/:id').get(ok), '/r/7', '/r/:id'],
    [
      'next("route")',
      (app) => {
        app.get('/n/:a', (_q, _s, next) => next('route'));
        app.get('/n/:b', ok);
      },
      '/n/7',
      '/n/:b',
    ],
    ['middleware alone', (app) => app.use('/static', ok), '/static/a.css', '/static'],
    ['nothing', () => {}, '/none', undefined],
  ])('of %s', async (_, build, path, expected) => {
    const { span, route } = await served(build, path);
    expect(route).toBe(expected);
    expect(span.name).toBe(expected === undefined ? 'GET' : `GET ${expected}`);
    expect(span.attributes['url.path']).toBe(path);
  });

  test('outlives an error that unwinds through routers, which traceErrors shows', async () => {
    const { span, route, status } = await served((app) => {
      mounted('/tenants/:tenant', (router) => router.get('/fail', fail))(app);
      app.use(traceErrors());
      app.use(((_error, _req, res, _next) => res.status(500).end()) as express.ErrorRequestHandler);
    }, '/tenants/acme/fail');
    expect([status, route]).toEqual([500, '/tenants/:tenant/fail']);
    expect(span.attributes['error.type']).toBe('500');
    expect(span.events.map(({ attributes }) => attributes?.['exception.type'])).toEqual(['RangeError']);
  });

  test('keeps req.baseUrl and req.route as Express has them', async () => {
    let seen: unknown;
    await served(
      mounted('/a/:a', (router) =>
        router.get('/b', (req, res) => {
          seen = [req.baseUrl, req.route.path, req.url, req.originalUrl];
          res.end();
        }),
      ),
      '/a/1/b',
    );
    expect(seen).toEqual(['/a/1', '/b', '/b', '/a/1/b']);
  });
});

test('traceErrors passes the error on by identity', async () => {
  const failure = new Error('mine');
  let seen: unknown;
  await served((app) => {
    app.get('/', () => {
      throw failure;
    });
    app.use(traceErrors());
    app.use(((error, _req, res, _next) => {
      seen = error;
      res.status(418).end();
    }) as express.ErrorRequestHandler);
  }, '/');
  expect(seen).toBe(failure);
});

test('mounted twice, and inside a router: one span', async () => {
  const { route } = await served((app) => {
    app.use(traceContext());
    app.use('/r', Router().use(traceContext()).get('/x', ok));
  }, '/r/x');
  expect(route).toBe('/r/x');
});

test.each<[boolean | undefined, string, string]>([
  [undefined, 'http', '127.0.0.1'],
  [true, 'https', '192.0.2.1'],
])('trust proxy %s', async (trust, scheme, client) => {
  const app = express();
  if (trust) app.set('trust proxy', true);
  app.use(traceContext(), ok);
  await request(app).get('/').set('X-Forwarded-Proto', 'https').set('X-Forwarded-For', '192.0.2.1');
  const { attributes } = await spans.take();
  expect([attributes['url.scheme'], String(attributes['client.address']).replace('::ffff:', '')]).toEqual([
    scheme,
    client,
  ]);
});

test('options are checked in its own name', () => {
  expect(() => traceContext({ ignore: 1 } as never)).toThrow(
    new TypeError('[throughline/express] traceContext(): options.ignore must be a function, got number'),
  );
});

test('re-exports what a handler needs', async () => {
  expect(typeof tracedFetch).toBe('function');
  await served(
    (app) =>
      app.get('/', (req, res) => {
        exchangeOf(req)?.span.setAttribute('app.seen', true);
        res.end();
      }),
    '/',
  ).then(({ span }) => expect(span.attributes['app.seen']).toBe(true));
});
