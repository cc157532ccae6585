import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { exchangeOf, tracedFetch, tracePlugin } from '@throughline/fastify';
import { createSpanCollector } from '@throughline/testing';
import Fastify, { type FastifyInstance } from 'fastify';
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

async function served(
  build: (app: FastifyInstance) => unknown,
  path: string,
  before?: (app: FastifyInstance) => unknown,
) {
  const app = Fastify();
  await before?.(app);
  await app.register(tracePlugin);
  await build(app);
  const { statusCode } = await app.inject(path);
  const span = await spans.take();
  await app.close();
  return { statusCode, span, route: span.attributes['http.route'] };
}
const items = (app: FastifyInstance) => app.get('/items/:id', async () => 'ok');

test.each<[string, (app: FastifyInstance) => unknown, string, string | undefined]>([
  ['a route', items, '/items/7', '/items/:id'],
  [
    'a prefix',
    (app) => app.register(async (scope) => items(scope), { prefix: '/api/:tenant' }),
    '/api/acme/items/7',
    '/api/:tenant/items/:id',
  ],
  ['a wildcard', (app) => app.get('/files/*', async () => 'ok'), '/files/a/b', '/files/*'],
  ['nothing', () => {}, '/none', undefined],
])('http.route of %s', async (_, build, path, expected) => {
  const { route, span } = await served(build, path);
  expect(route).toBe(expected);
  expect(span.name).toBe(expected === undefined ? 'GET' : `GET ${expected}`);
});

test('an error in a handler is recorded and answered as without it', async () => {
  const { statusCode, span } = await served(
    (app) =>
      app.get('/', async () => {
        throw new RangeError('mine');
      }),
    '/',
  );
  expect(statusCode).toBe(500);
  expect(span.attributes['error.type']).toBe('500');
  expect(span.events.map(({ attributes }) => attributes?.['exception.type'])).toEqual(['RangeError']);
});

test('request.exchange and exchangeOf are the same exchange', async () => {
  let same = false;
  await served(
    (app) =>
      app.get('/', async (request) => {
        same = request.exchange !== undefined && request.exchange === exchangeOf(request.raw);
        return '';
      }),
    '/',
  );
  expect(same).toBe(true);
});

test('registered twice: one span', async () => {
  await served(items, '/items/7', (app) => app.register(tracePlugin));
});

test('options of the wrong type reject when the plugin is loaded, in its own name', async () => {
  const app = Fastify();
  const message = '[throughline/fastify] tracePlugin: options.ignore must be a function, got number';
  await expect(app.register(tracePlugin, { ignore: 1 } as never)).rejects.toThrow(new TypeError(message));
});

test('re-exports what a handler needs', () => {
  expect(typeof tracedFetch).toBe('function');
});
