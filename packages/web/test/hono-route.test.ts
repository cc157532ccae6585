import { trace } from '@opentelemetry/api';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { createSpanCollector } from '@throughline/testing';
import { traceContext } from '@throughline/web/hono';
import { Hono } from 'hono';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const spans = createSpanCollector();

beforeAll(() => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
});
afterEach(() => spans.assertClean());
afterAll(() => trace.disable());

/** Requests `path`, reads the response, and returns the `http.route` of the span. */
async function routeOf(app: Hono, path: string, init?: RequestInit): Promise<unknown> {
  await (await app.request(path, init)).text();
  return (await spans.take()).attributes['http.route'];
}

function traced(): Hono {
  const app = new Hono();
  app.use(traceContext());
  return app;
}

describe('http.route', () => {
  it('is the template with the prefixes of sub-applications and of basePath', async () => {
    const users = new Hono().get('/:id', (c) => c.text('user'));
    const api = new Hono().basePath('/v1').route('/users', users);
    const app = traced().route('/api', api);

    expect(await routeOf(app, '/api/v1/users/7')).toBe('/api/v1/users/:id');
  });

  it('is that of the handler behind middleware, and of a sub-application with an error handler of its own', async () => {
    const sub = new Hono();
    sub.onError((error, c) => c.text(error.message, 500));
    sub.use(async (_c, next) => next());
    sub.get('/items/:id', () => {
      throw new Error('broken');
    });
    const app = traced().route('/sub', sub);

    expect(await routeOf(app, '/sub/items/7')).toBe('/sub/items/:id');
  });

  it('is that of a handler that answers 404 itself', async () => {
    const app = traced().get('/items/:id', (c) => c.notFound());

    expect(await routeOf(app, '/items/7')).toBe('/items/:id');
  });

  it('is absent where no handler answers, whatever middleware stands in front', async () => {
    const app = traced();
    app.use('/api/*', async (_c, next) => next());
    app.get('/passes/:id', async (_c, next) => next());

    for (const path of ['/nowhere', '/api/nowhere', '/passes/1'])
      expect([path, await routeOf(app, path)]).toEqual([path, undefined]);
  });

  it('is the mount path where middleware or another application answers', async () => {
    const app = traced();
    app.use('/private/*', async (c, _next) => c.text('no', 401));
    app.mount('/old', () => new Response('old'));

    expect(await routeOf(app, '/private/secret/1')).toBe('/private');
    expect(await routeOf(app, '/old/page/1')).toBe('/old');
  });

  it('is that of a route for all methods, and of one for a method of its own', async () => {
    const app = traced()
      .all('/any/:id', (c) => c.text('any'))
      .on('PURGE', '/cache/:key', (c) => c.text('purged'));

    expect(await routeOf(app, '/any/7', { method: 'PATCH' })).toBe('/any/:id');
    expect(await routeOf(app, '/cache/7', { method: 'PURGE' })).toBe('/cache/:key');
  });

  it('is taken from the first of several routes that answers', async () => {
    const app = traced()
      .get('/items/new', (c) => c.text('form'))
      .get('/items/:id', (c) => c.text('item'));

    expect(await routeOf(app, '/items/new')).toBe('/items/new');
    expect(await routeOf(app, '/items/7')).toBe('/items/:id');
  });
});
