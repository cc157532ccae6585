import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  assertConnectedTrace,
  assertErrorType,
  assertParent,
  assertRoot,
  assertSpan,
  createSpanCollector,
  type RecordedSpan,
} from '@throughline/testing';
import { describe, expect, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';

const spans = createSpanCollector();
const tracer = sdk3.createTracerProvider({ spanProcessors: [spans] }).getTracer('test');

/** Ends a span with this name below `parent`, and returns it. */
async function span(name: string, parent?: RecordedSpan): Promise<RecordedSpan> {
  const below = parent ? trace.setSpanContext(ROOT_CONTEXT, parent.spanContext()) : ROOT_CONTEXT;
  tracer.startSpan(name, {}, below).end();
  return spans.take();
}

describe('trace assertions', () => {
  it('assertConnectedTrace takes a tree and prints what is not one', async () => {
    const order = await span('order');
    const payment = await span('payment', order);
    assertConnectedTrace([payment, order, await span('stock', payment)]);
    const stray = await span('stray');
    expect(() => assertConnectedTrace([order, payment, stray])).toThrow(
      /expected one trace, got 2:\n {2}INTERNAL order .*\n {4}INTERNAL payment .*\n {2}INTERNAL stray/,
    );
    const cousin = await span('cousin', await span('lost', order));
    expect(() => assertConnectedTrace([order, payment, cousin])).toThrow(/expected one tree, got 2/);
    expect(() => assertConnectedTrace([])).toThrow(/expected a trace, got no spans/);
  });

  it('assertParent compares trace and span ids', async () => {
    const order = await span('order');
    const payment = await span('payment', order);
    assertParent(payment, order);
    assertParent(payment, order.spanContext());
    expect(() => assertParent(order, payment)).toThrow(
      /expected INTERNAL order .* to be a child of INTERNAL payment/,
    );
  });

  it('assertRoot wants no parent', async () => {
    const order = await span('order');
    assertRoot(order);
    const payment = await span('payment', order);
    expect(() => assertRoot(payment)).toThrow(/expected a root span, got INTERNAL payment/);
  });

  it('assertErrorType compares status and error.type together', async () => {
    const fine = await span('fine');
    assertErrorType(fine, undefined);
    expect(() => assertErrorType(fine, '500')).toThrow(/expected status ERROR/);
    const failing = tracer.startSpan('failing', { attributes: { 'error.type': '500' } });
    failing.setStatus({ code: SpanStatusCode.ERROR });
    failing.end();
    const failed = await spans.take();
    assertErrorType(failed, '500');
    assertErrorType(failed, /^5/);
    expect(() => assertErrorType(failed, undefined)).toThrow(/expected status UNSET/);
    expect(() => assertErrorType(failed, '503')).toThrow(/expected error.type 503/);
  });

  it('assertSpan compares kind and name', async () => {
    const order = await span('order');
    assertSpan(order, SpanKind.INTERNAL, 'order');
    expect(() => assertSpan(order, SpanKind.SERVER, 'order')).toThrow(/unexpected INTERNAL order/);
  });
});
