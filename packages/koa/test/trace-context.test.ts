import Router from '@koa/router';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { exchangeOf, traceContext } from '@throughline/koa';
import { assertErrorType, createSpanCollector } from '@throughline/testing';
import Koa from 'koa';
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

describe('traceContext()', () => {
  it('gives handlers the span of their request, active and through exchangeOf', async () => {
    const router = new Router({ prefix: '/items' });
    router.get('/:id', (ctx) => {
      expect(trace.getActiveSpan()).toBe(exchangeOf(ctx.req)?.span);
      ctx.body = trace.getActiveSpan()?.spanContext().spanId;
    });
    const app = new Koa().use(traceContext()).use(router.routes());

    const { text } = await request(app.callback()).get('/items/7').expect(200);

    const span = await spans.take(({ name }) => name === 'GET /items/:id');
    expect(span.spanContext().spanId).toBe(text);
  });

  it('names the function and the option when it is mounted with a wrong one', () => {
    expect(() => traceContext({ ignore: '/health' as never })).toThrow(
      new TypeError(
        "[throughline/koa] traceContext(): options.ignore must be a function, got string '/health'",
      ),
    );
  });

  it('records what Koa answers with 500, and passes it on as it is', async () => {
    const thrown = new RangeError('out of stock');
    const app = new Koa().use(traceContext()).use(() => {
      throw thrown;
    });
    const seen: unknown[] = [];
    app.on('error', (error) => seen.push(error));

    await request(app.callback()).get('/').expect(500);

    expect(seen).toHaveLength(1);
    expect(seen[0]).toBe(thrown);
    const span = await spans.take(({ name }) => name === 'GET');
    assertErrorType(span, '500');
    expect(span.events.map(({ attributes }) => attributes?.['exception.message'])).toEqual(['out of stock']);
  });

  it('takes the route that a handler names where there is no router', async () => {
    const app = new Koa().use(traceContext()).use((ctx) => {
      exchangeOf(ctx.req)?.setRoute('/files/:name');
      ctx.body = 'file';
    });

    await request(app.callback()).get('/files/a.txt').expect('file');

    await spans.take(({ name }) => name === 'GET /files/:name');
  });
});
