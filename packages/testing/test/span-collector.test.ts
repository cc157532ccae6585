import { context, SpanKind, trace } from '@opentelemetry/api';
import { createSpanCollector } from '@throughline/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';

describe('createSpanCollector', () => {
  const spans = createSpanCollector();
  const tracer = sdk3.createTracerProvider({ spanProcessors: [spans] }).getTracer('test');

  beforeEach(() => context.setGlobalContextManager(sdk3.createContextManager().enable()));
  afterEach(() => {
    context.disable();
    spans.reset();
  });

  it('hands spans out in the order in which they ended', async () => {
    for (const name of ['first', 'second']) tracer.startSpan(name).end();
    expect((await spans.take()).name).toBe('first');
    expect((await spans.take()).name).toBe('second');
    spans.assertClean();
  });

  it('waits for a span that ends later', async () => {
    const span = tracer.startSpan('late');
    const taken = spans.take(({ name }) => name === 'late');
    setImmediate(() => span.end());
    expect((await taken).name).toBe('late');
    spans.assertClean();
  });

  it('says what is open and what was not taken when a span does not come', async () => {
    tracer.startSpan('still running');
    tracer.startSpan('something else', { kind: SpanKind.CLIENT }).end();
    await expect(spans.take(({ name }) => name === 'missing', 20)).rejects.toThrow(
      /waited 20 ms[\s\S]*open:\n.*INTERNAL still running[\s\S]*not taken:\n.*CLIENT something else/,
    );
  });

  it('fails on a span that no assertion took', () => {
    tracer.startSpan('forgotten').end();
    expect(() => spans.assertClean()).toThrow(/left over, taken by no assertion:\n.*forgotten/);
  });

  it('fails on a span that was not ended', () => {
    tracer.startSpan('endless');
    expect(() => spans.assertClean()).toThrow(/left open: INTERNAL endless/);
  });

  it('fails on a span that was ended twice', async () => {
    const span = tracer.startSpan('twice');
    span.end();
    span.end();
    await spans.take();
    expect(() => spans.assertClean()).toThrow(/ended 2 times: INTERNAL twice/);
  });

  it('fails on a span that was written to after its end', async () => {
    const span = tracer.startSpan('late writer');
    span.end();
    span.setAttribute('too', 'late');
    await spans.take();
    expect(() => spans.assertClean()).toThrow(/setAttribute\(\) after the end: INTERNAL late writer/);
  });

  it('fails on a span that is still active', async () => {
    const span = tracer.startSpan('lingering');
    span.end();
    await spans.take();
    context.with(trace.setSpan(context.active(), span), () => {
      expect(() => spans.assertClean()).toThrow(/left active after its work: INTERNAL lingering/);
    });
    spans.assertClean();
  });
});
