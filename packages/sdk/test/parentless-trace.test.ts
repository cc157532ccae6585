import { injectContext } from '@throughline/core';
import { createHttpServerTracer } from '@throughline/http-semantics';
import { type SamplingOptions, startTracing, type Tracing } from '@throughline/sdk';
import { createSpanCollector } from '@throughline/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const T = '8a3c60f7d188f8fa79d48a391a778fa6';
const ROOT = '1-8a3c60f7-d188f8fa79d48a391a778fa6';
const spans = createSpanCollector();
let tracing: Tracing | undefined;
beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) vi.stubEnv(name, undefined);
  vi.stubEnv('OTEL_TRACES_EXPORTER', 'none');
  vi.stubEnv('OTEL_PROPAGATORS', 'tracecontext,xray');
});
afterEach(async () => {
  await tracing?.shutdown();
  vi.unstubAllEnvs();
});

function served(headers: Record<string, string>, sampling: SamplingOptions = { ratio: 1 }) {
  tracing = startTracing({ serviceName: 'orders', spanProcessors: [spans], sampling });
  const exchange = createHttpServerTracer().start({ method: 'GET', target: '/', scheme: 'http', headers });
  const sent = exchange.run(() => injectContext<Record<string, string>>({}));
  exchange.end({ statusCode: 200 });
  return { exchange, sent };
}

test('a load balancer’s header: the root of its trace, without parent or link', async () => {
  const { exchange, sent } = served({ 'x-amzn-trace-id': `Root=${ROOT}` });
  const span = await spans.take();
  expect(span).toMatchObject({ parentSpanContext: undefined, links: [] });
  expect(span?.spanContext().traceId).toBe(T);
  expect(exchange.extraction).toBe('continued');
  // Nothing is known about how its id was made.
  expect(sent.traceparent).toBe(`00-${T}-${span?.spanContext().spanId}-01`);
  expect(sent['x-amzn-trace-id']).toBe(`Root=${ROOT};Parent=${span?.spanContext().spanId};Sampled=1`);
});

test('this service’s own sampler decides about it', () => {
  const { exchange, sent } = served({ 'x-amzn-trace-id': `Root=${ROOT}` }, { ratio: 0 });
  expect(exchange.span.isRecording()).toBe(false);
  expect(sent['x-amzn-trace-id']).toContain(`Root=${ROOT}`);
});

test('another trace in a format before it is continued, and there is nothing to link to', async () => {
  const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
  served({ traceparent, 'x-amzn-trace-id': `Root=${ROOT}` });
  const span = await spans.take();
  expect(span?.spanContext().traceId).toBe('1'.repeat(32));
  expect(span?.links).toEqual([]);
});

test.each([1, 0])('a trace that starts here carries the random flag, at ratio %d', (ratio) => {
  const { exchange, sent } = served({}, { ratio });
  expect(sent.traceparent).toBe(
    `00-${exchange.span.spanContext().traceId}-${exchange.span.spanContext().spanId}-0${2 + ratio}`,
  );
});

test.each(['00', '01', '02', '03'])('and one that came with flags %s keeps the caller’s', (flags) => {
  const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-${flags}`;
  expect(served({ traceparent }).sent.traceparent?.slice(-2)).toBe(flags);
});
