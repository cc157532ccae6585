import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { exchangeOf, tracePlugin } from '@throughline/fastify';
import { assertErrorType, createSpanCollector } from '@throughline/testing';
import { fastify } from 'fastify';
import request from 'supertest';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const spans = createSpanCollector();

beforeAll(() => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterEach(() => spans.assertClean());
afterAll(() => {
  trace.disable();
  context.disable();
});

describe('tracePlugin', () => {
  it('gives handlers the span of their request, active, through request.exchange and through exchangeOf', async () => {
    const app = fastify();
    app.get('/early/:id', async (request) => request.exchange?.span.spanContext().spanId);
    await app.register(tracePlugin);
    app.get('/late/:id', async (request) => {
      expect(trace.getActiveSpan()).toBe(request.exchange?.span);
      expect(exchangeOf(request.raw)).toBe(request.exchange);
      return request.exchange?.span.spanContext().spanId;
    });
    await app.ready();

    const early = await request(app.server).get('/early/7').expect(200);
    const late = await request(app.server).get('/late/7').expect(200);

    expect((await spans.take(({ name }) => name === 'GET /early/:id')).spanContext().spanId).toBe(early.text);
    expect((await spans.take(({ name }) => name === 'GET /late/:id')).spanContext().spanId).toBe(late.text);
    await app.close();
  });

  it('serves inject() like any other request', async () => {
    const app = fastify();
    await app.register(tracePlugin);
    app.get('/items/:id', async () => 'item');

    const response = await app.inject('/items/7');

    expect(response.body).toBe('item');
    const span = await spans.take(({ name }) => name === 'GET /items/:id');
    assertErrorType(span, undefined);
    await app.close();
  });

  it('rejects wrong options with the name of the function and the option', async () => {
    const app = fastify();
    await expect(async () => app.register(tracePlugin, { ignore: '/health' as never })).rejects.toThrow(
      new TypeError(
        "[throughline/fastify] tracePlugin: options.ignore must be a function, got string '/health'",
      ),
    );
  });

  it('may be registered twice, and with options of register itself', async () => {
    const app = fastify();
    await app.register(tracePlugin, { prefix: '/api' } as never);
    await app.register(tracePlugin);
    app.get('/', async () => 'once');

    expect((await app.inject('/')).body).toBe('once');

    await spans.take(({ name }) => name === 'GET /');
    await app.close();
  });

  it('records what Fastify answers with 500', async () => {
    const app = fastify();
    await app.register(tracePlugin);
    app.get('/', async () => {
      throw new RangeError('out of stock');
    });

    expect((await app.inject('/')).statusCode).toBe(500);

    const span = await spans.take(({ name }) => name === 'GET /');
    assertErrorType(span, '500');
    expect(span.events.map(({ attributes }) => attributes?.['exception.message'])).toEqual(['out of stock']);
    await app.close();
  });
});
