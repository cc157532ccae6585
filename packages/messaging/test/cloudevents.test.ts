import { context, propagation, type TextMapPropagator, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { traceEmitter, traceHandler, withTraceContext } from '@throughline/messaging/cloudevents';
import { createPropagator } from '@throughline/propagators';
import { assertParent, createSpanCollector } from '@throughline/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeCloudEvent } from './fake-cloud-event.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const TRACEPARENT = `00-${TRACE_ID}-b7ad6b7169203331-01`;

const spans = createSpanCollector();
beforeEach(() => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(createPropagator('tracecontext,baggage'));
});
afterEach(() => {
  spans.assertClean();
  spans.reset();
  trace.disable();
  context.disable();
  propagation.disable();
});

/** Runs `fn` in a span, and returns what it returned with the span. */
async function inSpan<T>(fn: () => T) {
  const span = trace.getTracer('test').startSpan('around');
  const result = context.with(trace.setSpan(context.active(), span), fn);
  span.end();
  const around = await spans.take(({ name }) => name === 'around');
  return [result, around, around.spanContext()] as const;
}

describe('withTraceContext()', () => {
  it.each<[string, () => FakeCloudEvent | { id: string; type: string; source: string; tracestate?: string }]>(
    [
      ['an instance', () => new FakeCloudEvent({ tracestate: 'stale=1' })],
      [
        'a plain object',
        () => Object.freeze({ id: '1', type: 'orders', source: '/', tracestate: 'stale=1' }),
      ],
    ],
  )('puts the active context into another event, given %s', async (_, make) => {
    const event = make();
    const [made, , { traceId, spanId }] = await inSpan(() => withTraceContext(event));
    expect(made).not.toBe(event);
    expect(made).toMatchObject({ id: '1', type: 'orders' });
    expect(made).toHaveProperty('traceparent', `00-${traceId}-${spanId}-01`);
    expect(made).not.toHaveProperty('tracestate');
    expect(event).toHaveProperty('tracestate', 'stale=1');
    expect(event).not.toHaveProperty('traceparent');
  });

  it('makes an event that can be cloned strictly, of the same class', async () => {
    const [made] = await inSpan(() => withTraceContext(new FakeCloudEvent({ tracestate: 'stale=1' })));
    expect(made).toBeInstanceOf(FakeCloudEvent);
    expect(made.cloneWith({ subject: 'x' })).toMatchObject({ traceparent: made.traceparent, subject: 'x' });
  });

  it('takes an event that was made without validation', async () => {
    const [made] = await inSpan(() => withTraceContext(new FakeCloudEvent({ Odd: '1' }, false)));
    expect(made).toMatchObject({ Odd: '1', traceparent: expect.any(String) });
  });

  it('keeps a creation context', async () => {
    const event = new FakeCloudEvent({ traceparent: TRACEPARENT });
    const [made] = await inSpan(() => withTraceContext(event));
    expect(made).toBe(event);
  });

  it('returns the event itself where no context is active', () => {
    const event = new FakeCloudEvent();
    expect(withTraceContext(event)).toBe(event);
  });

  it('leaves out fields whose names no attribute can have', async () => {
    propagation.disable();
    const fields = { 'x-b3-traceid': '1', b3: '0' };
    propagation.setGlobalPropagator({
      inject: (_context, carrier, setter) => {
        for (const [name, value] of Object.entries(fields)) setter.set(carrier, name, value);
      },
      extract: (extracted) => extracted,
      fields: () => Object.keys(fields),
    } satisfies TextMapPropagator);
    const made = withTraceContext(new FakeCloudEvent());
    expect(made).toHaveProperty('b3', '0');
    expect(Object.keys(made)).not.toContain('x-b3-traceid');
  });
});

describe('traceEmitter()', () => {
  it('passes the other arguments and the result on', async () => {
    const emit = traceEmitter(async (event: FakeCloudEvent, options: { n: number }) => [event.type, options]);
    const options = { n: 1 };
    const [type, got] = await emit(new FakeCloudEvent(), options);
    expect(type).toBe('orders');
    expect(got).toBe(options);
    expect((await spans.take()).name).toBe('send orders');
  });

  it('describes the event', async () => {
    await traceEmitter(async (event: FakeCloudEvent) => event)(new FakeCloudEvent({ subject: 'o-7' }));
    expect((await spans.take()).attributes).toMatchObject({
      'cloudevents.event_id': '1',
      'cloudevents.event_type': 'orders',
      'cloudevents.event_source': '/test',
      'cloudevents.event_spec_version': '1.0',
      'cloudevents.event_subject': 'o-7',
      'messaging.message.id': '1',
    });
  });
});

describe('traceHandler()', () => {
  it('stays in the request that brought the event, and links to its creation', async () => {
    const handle = traceHandler((event: FakeCloudEvent, more: string) => `${event.data}${more}`);
    const event = new FakeCloudEvent({ data: 'x', traceparent: TRACEPARENT });
    const [result, around] = await inSpan(() => handle(event, '!'));
    expect(result).toBe('x!');
    const span = await spans.take();
    assertParent(span, around);
    expect(span.links.map((link) => link.context.traceId)).toEqual([TRACE_ID]);
  });

  it.each([
    ['no time', undefined],
    ['a time that is none', 'yesterday'],
  ])('takes an event with %s for a young one', async (_, time) => {
    const handle = traceHandler(() => {}, { maxAge: 1 });
    handle({ id: '1', type: 'orders', source: '/', time, traceparent: TRACEPARENT } as never);
    expect((await spans.take()).spanContext().traceId).toBe(TRACE_ID);
  });
});
