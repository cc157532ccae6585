import { ROOT_CONTEXT, type TextMapPropagator, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { type Carrier, extractContext, injectContext } from '@throughline/core';
import { Scope } from '@throughline/core/seam';
import { createHttpServerTracer } from '@throughline/http-semantics';
import { createMessagingTracer, headersCodec } from '@throughline/messaging';
import { createPropagator } from '@throughline/propagators';
import { afterEach, describe, expect, test } from 'vitest';
import { SPAN_ID, startSdk, stopSdk, TRACE_ID, TRACEPARENT } from '../../core/test/sdk.ts';

afterEach(stopSdk);

const OTHER = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
/** A later version, whose rules do not forbid that more follows. */
const LATER = `cc${TRACEPARENT.slice(2)}-more`;
const bytes = (text: string) => Buffer.from(text);

/** Believes the first value, under a name in another letter case. */
const naive: TextMapPropagator = {
  fields: () => ['traceparent'],
  inject() {},
  extract(context, carrier, getter) {
    const [first = ''] = [getter.get(carrier, 'Traceparent')].flat();
    const [, traceId = '', spanId = ''] = first.split('-');
    return traceId === '' ? context : trace.setSpanContext(context, { traceId, spanId, traceFlags: 1 });
  },
};

const PROPAGATORS: [string, TextMapPropagator | undefined][] = [
  ['ours', createPropagator('tracecontext')],
  ["the SDK's", new W3CTraceContextPropagator()],
  ['a naive one', naive],
  ['none, the fields being passed on', undefined],
];

const REPEATED: [string, (first: string, second: string) => Carrier][] = [
  ['a list', (...both) => ({ traceparent: both })],
  ['a list of bytes, as Kafka has it', (...both) => ({ traceparent: both.map(bytes) })],
  ['two letter cases', (traceparent, Traceparent) => ({ traceparent, Traceparent })],
  ['a comma', (...both) => ({ traceparent: both.join(',') })],
  ['a comma in bytes', (...both) => ({ traceparent: bytes(both.join(', ')) })],
  ['Headers', (...both) => new Headers(both.map((value): [string, string] => ['traceparent', value]))],
  ['pairs', (...both) => both.map((value) => ['traceparent', value])],
  ['rawHeaders', (...both) => both.flatMap((value) => ['traceparent', value])],
  [
    'a Map',
    (first, second) =>
      new Map([
        ['traceparent', first],
        ['TRACEPARENT', second],
      ]),
  ],
];

describe.each(PROPAGATORS)('several traceparents name no trace, read by %s', (_, propagator) => {
  const names = (carrier: Carrier) => {
    const context = extractContext(carrier, propagator);
    const { traceparent } = injectContext<{ traceparent?: string }>({}, { context });
    return trace.getSpanContext(context)?.traceId ?? traceparent;
  };

  test.each(REPEATED)('%s', (_form, make) => {
    expect(names(make(TRACEPARENT, OTHER))).toBeUndefined();
    expect(names(make(TRACEPARENT, TRACEPARENT))).toBeUndefined();
    expect(names(make(LATER, LATER))).toBeUndefined();
  });

  test('one in a list is one', () => {
    expect(names({ traceparent: [TRACEPARENT] })).toContain(TRACE_ID);
    expect(names({ traceparent: [bytes(TRACEPARENT)] })).toContain(TRACE_ID);
  });
});

describe.each(PROPAGATORS.slice(0, 3))('the same at every door, read by %s', (_, propagator) => {
  test('messages', async () => {
    const spans = startSdk();
    const tracer = createMessagingTracer(
      { system: 'test', codec: headersCodec },
      { propagator: { ...bound(propagator), fields: () => [] } },
      new Scope('core', 'test()'),
    );
    for (const [, make] of REPEATED.slice(0, 5))
      await tracer.process(
        { destination: 'q', carrier: make(TRACEPARENT, OTHER) as Record<string, unknown> },
        () => {},
      );
    await tracer.process({ destination: 'q', carrier: { traceparent: TRACEPARENT } }, () => {});
    const ended = await spans.take(6);
    expect(
      ended.slice(0, 5).flatMap(({ links, parentSpanContext }) => [...links, parentSpanContext]),
    ).toEqual(Array(5).fill(undefined));
    expect([ended[5]?.parentSpanContext?.spanId, ended[5]?.links[0]?.context.spanId]).toContain(SPAN_ID);
  });

  test('requests', () => {
    const tracer = createHttpServerTracer({
      propagator: { ...bound(propagator), fields: () => ['traceparent'] },
    });
    const extraction = (traceparent: string) =>
      tracer.start({ method: 'GET', target: '/', scheme: 'http', headers: { traceparent } }).extraction;
    expect(extraction(TRACEPARENT)).toBe('continued');
    expect(extraction(`${TRACEPARENT}, ${OTHER}`)).toBe('duplicate');
    expect(extraction(`${LATER}, ${LATER}`)).toBe('duplicate');
  });
});

function bound(propagator: TextMapPropagator | undefined) {
  const { extract, inject } = propagator as TextMapPropagator;
  return { extract: extract.bind(propagator), inject: inject.bind(propagator) };
}

test('a getter that throws costs nothing but its own fields', () => {
  expect(
    extractContext({
      get traceparent() {
        throw new Error('no');
      },
    } as Carrier),
  ).toBeDefined();
  expect(trace.getSpanContext(extractContext({}, naive))).toBe(trace.getSpanContext(ROOT_CONTEXT));
});
