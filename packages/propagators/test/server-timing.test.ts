import { type Context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AlwaysOnSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import { serverTimingEntry, W3CTraceContextPropagator } from '@throughline/propagators';
import { expect, it, test } from 'vitest';

const T = '0af7651916cd43dd8448eb211c80319c';
const S = 'b7ad6b7169203331';
const tracer = new TracerProvider({ sampler: new AlwaysOnSampler() }).getTracer('test');

test.each([
  ['00', '00'],
  ['01', '00'],
  ['02', '02'],
  ['ff', '02'],
])('T30 flags %s in are %s in the response', (flags, expected) => {
  const parent = new W3CTraceContextPropagator().extract(ROOT_CONTEXT, {
    traceparent: `00-${T}-${S}-${flags}`,
  });
  const span = tracer.startSpan('server', {}, parent);
  const entry = serverTimingEntry(trace.setSpan(parent, span));
  expect(entry).toBe(`trace;desc=00-${T}-${span.spanContext().spanId}-${expected}`);
});

it('names a trace that started here', () => {
  const context = trace.setSpan(ROOT_CONTEXT, tracer.startSpan('server', { root: true }));
  expect(serverTimingEntry(context)).toMatch(/^trace;desc=00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
});

it('is undefined, and never throws, without a valid span', () => {
  for (const context of [ROOT_CONTEXT, null, {}, trace.setSpanContext(ROOT_CONTEXT, {} as never)]) {
    expect(serverTimingEntry(context as Context)).toBeUndefined();
  }
});
