import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { exchangeOf, traceContext, traceErrors } from '@throughline/express';
import { assertErrorType, createSpanCollector } from '@throughline/testing';
import express from 'express';
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
    const app = express().use(traceContext());
    app.get('/items/:id', (req, res) => {
      expect(trace.getActiveSpan()).toBe(exchangeOf(req)?.span);
      res.send(trace.getActiveSpan()?.spanContext().spanId);
    });

    const { text } = await request(app).get('/items/7').expect(200);

    const span = await spans.take(({ name }) => name === 'GET /items/:id');
    expect(span.spanContext().spanId).toBe(text);
  });

  it('names the function and the option when it is mounted with a wrong one', () => {
    expect(() => traceContext({ ignore: '/health' as never })).toThrow(
      new TypeError(
        "[throughline/express] traceContext(): options.ignore must be a function, got string '/health'",
      ),
    );
  });

  it('names the whole template when only an application inside another one is traced', async () => {
    const outer = express();
    const inner = express().use(traceContext());
    inner.get('/:x', (_req, res) => void res.send('inner'));
    outer.use('/inner/:tenant', inner);

    await request(outer).get('/inner/42/a').expect('inner');
    await spans.take(({ name }) => name === 'GET /inner/:tenant/:x');
    await request(outer).get('/inner/43/b').expect('inner');
    await spans.take(({ name }) => name === 'GET /inner/:tenant/:x');
  });
});

describe('traceErrors()', () => {
  it('records what the application’s error handler answers with 500, and passes it on as it is', async () => {
    const thrown = new RangeError('out of stock');
    const seen: unknown[] = [];
    const app = express().use(traceContext());
    app.get('/', () => {
      throw thrown;
    });
    app.use(traceErrors());
    app.use(((error, _req, res, _next) => {
      seen.push(error);
      res.status(500).send('sorry');
    }) as express.ErrorRequestHandler);

    await request(app).get('/').expect(500, 'sorry');

    expect(seen).toEqual([thrown]);
    expect(seen[0]).toBe(thrown);
    const span = await spans.take(({ name }) => name === 'GET /');
    assertErrorType(span, '500');
    expect(span.events.map(({ attributes }) => attributes?.['exception.message'])).toEqual(['out of stock']);
  });
});
