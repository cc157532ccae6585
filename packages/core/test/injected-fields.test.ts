import {
  propagation,
  ROOT_CONTEXT,
  type TextMapPropagator,
  type TextMapSetter,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { carrierSetter, extractContext, injectContext } from '@throughline/core';
import { createMessagingTracer, headersCodec } from '@throughline/messaging';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createMeters,
  listenToDiag,
  type Recorder,
  SPAN_ID,
  startSdk,
  stopSdk,
  TRACE_ID,
  TRACEPARENT,
} from './sdk.ts';

let spans: Recorder;
beforeEach(() => {
  spans = startSdk();
});
afterEach(stopSdk);

const IDS = `00-${TRACE_ID}-${SPAN_ID}`;

/** A propagator that writes these fields, whatever they are. */
function writing(fields: readonly (readonly [unknown, unknown])[]): TextMapPropagator {
  return {
    fields: () => ['traceparent', 'tracestate', 'baggage', 'x-vendor'],
    extract: (context) => context,
    inject(_context, carrier, setter: TextMapSetter<unknown>) {
      for (const [name, value] of fields) setter.set(carrier, name as string, value as string);
    },
  };
}

describe('what a propagator writes is legal before it leaves', () => {
  test.each<[string, [unknown, unknown][], Record<string, string>]>([
    ['flags in three digits', [['traceparent', `${IDS}-0ff`]], { traceparent: `${IDS}-03` }],
    ['flags in one digit', [['traceparent', `${IDS}-1`]], { traceparent: `${IDS}-01` }],
    ['capitals', [['traceparent', `${IDS}-01`.toUpperCase()]], { traceparent: TRACEPARENT }],
    ['space around', [['traceparent', ` ${IDS}-01 `]], { traceparent: TRACEPARENT }],
    ['a line break', [['traceparent', `${IDS}-01\r\nx: y`]], {}],
    ['ids of zeros', [['traceparent', `00-${'0'.repeat(32)}-${SPAN_ID}-01`]], {}],
    ['version ff', [['traceparent', `ff-${TRACE_ID}-${SPAN_ID}-01`]], {}],
    ['no ids', [['traceparent', 'undefined-undefined-0undefined']], {}],
    ['an empty value', [['traceparent', '']], {}],
    ['undefined', [['traceparent', undefined]], {}],
    ['a number', [['x-vendor', 7]], {}],
    ['an object', [['x-vendor', {}]], {}],
    ['beyond Latin-1', [['x-vendor', 'ł']], {}],
    ['half of a pair', [['x-vendor', '\ud800']], {}],
    ['NUL', [['x-vendor', 'a\0']], {}],
    ['a name with a space', [['x vendor', '1']], {}],
    ['no name', [['', '1']], {}],
    ['a name that is none', [[undefined, '1']], { undefined: '1' }],
    [
      'a tracestate without its trace',
      [
        ['traceparent', 'x'],
        ['tracestate', 'a=1'],
      ],
      {},
    ],
    [
      'one of several',
      [
        ['traceparent', TRACEPARENT],
        ['tracestate', 'a=1\n'],
        ['baggage', 'a=1'],
      ],
      { traceparent: TRACEPARENT, baggage: 'a=1' },
    ],
    [
      'a later version',
      [['traceparent', `01-${TRACE_ID}-${SPAN_ID}-01-x`]],
      {
        traceparent: `01-${TRACE_ID}-${SPAN_ID}-01-x`,
      },
    ],
  ])('%s', (_, written, expected) => {
    const stale = { traceparent: 'stale', tracestate: 'stale', 'X-Vendor': 'stale' };
    const propagator = writing(written);
    expect(injectContext({ ...stale, other: '1' }, { context: ROOT_CONTEXT, propagator })).toEqual({
      ...expected,
      other: '1',
    });
    expect(Object.fromEntries(injectContext(new Headers(), { context: ROOT_CONTEXT, propagator }))).toEqual(
      expected,
    );
    const tracer = createMessagingTracer({ system: 'memory', codec: headersCodec }, { propagator });
    tracer.send({ destination: 'things', carrier: undefined }, (sent) =>
      expect(sent ?? {}).toEqual(expected),
    );
    spans.ended.length = 0;
  });

  test('the propagator of the SDK, given the flags ff by its caller', () => {
    const w3c = new W3CTraceContextPropagator();
    const context = extractContext({ traceparent: `${IDS}-ff` }, w3c);
    expect(trace.getSpanContext(context)?.traceFlags).toBe(255);
    expect(injectContext({}, { context, propagator: w3c })).toEqual({ traceparent: `${IDS}-03` });
    const direct = {};
    w3c.inject(context, direct, carrierSetter);
    expect(direct).toEqual({ traceparent: `${IDS}-03` });
  });

  test('is counted, and reported once without its content', async () => {
    const meters = createMeters();
    const { metrics } = await import('@opentelemetry/api');
    metrics.setGlobalMeterProvider(meters.provider);
    const lines = listenToDiag();
    const into = (...written: [unknown, unknown][]) =>
      injectContext({}, { context: ROOT_CONTEXT, propagator: writing(written) });
    into(['traceparent', `${IDS}-0ff`]);
    into(['traceparent', 'S3CRET'], ['x-vendor', 'S3CRET\n']);
    into(['x-vendor', 'S3CRET\n']);
    into(['traceparent', TRACEPARENT]);
    const points = await meters.points('throughline.propagation');
    expect(
      Object.fromEntries(
        points.map(({ attributes, value }) => [attributes['throughline.propagation.outcome'], value]),
      ),
    ).toEqual({
      repaired: 1,
      refused: 3,
    });
    expect(new Set(points.map(({ attributes }) => attributes['throughline.propagation.direction']))).toEqual(
      new Set(['inject']),
    );
    expect(lines.length).toBeLessThanOrEqual(2);
    expect(lines.join()).not.toContain('S3CRET');
  });
});

describe('baggage that the caller set', () => {
  const context = propagation.setBaggage(
    trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 1 }),
    propagation.createBaggage({ tenant: { value: 'blue' }, user: { value: '7' } }),
  );
  const bare = propagation.deleteBaggage(context);
  const injected = (carrier: Record<string, unknown>, from = context) =>
    injectContext({ ...carrier }, { context: from }) as Record<string, unknown>;

  test.each<[string, Record<string, unknown>, unknown, unknown]>([
    ['none', {}, 'tenant=blue,user=7', undefined],
    ['another entry', { baggage: 'mine=1' }, 'mine=1,tenant=blue,user=7', 'mine=1'],
    ['the same entry', { baggage: 'tenant=own;p' }, 'tenant=own;p,user=7', 'tenant=own;p'],
    ['all of them', { baggage: 'user=1, tenant = 2' }, 'user=1,tenant = 2', 'user=1, tenant = 2'],
    ['two lines', { baggage: ['a=1', 'b=2'] }, 'a=1,b=2,tenant=blue,user=7', ['a=1', 'b=2']],
    ['empty', { baggage: '' }, 'tenant=blue,user=7', undefined],
    ['no baggage at all', { baggage: 'stale' }, 'tenant=blue,user=7', undefined],
    ['in part', { baggage: 'stale,a=1,,=x' }, 'a=1,tenant=blue,user=7', 'stale,a=1,,=x'],
  ])('%s', (_, carrier, withBaggage, without) => {
    expect(injected(carrier).baggage).toEqual(withBaggage);
    expect(injected(carrier, bare).baggage).toEqual(without);
    expect(injected(carrier, bare).traceparent).toBe(TRACEPARENT);
  });

  test('in another letter case and in any carrier', () => {
    expect(injected({ BagGage: 'mine=1' })).toEqual({
      traceparent: TRACEPARENT,
      baggage: 'mine=1,tenant=blue,user=7',
    });
    const headers = injectContext(new Headers({ Baggage: 'mine=1' }), { context });
    expect(headers.get('baggage')).toBe('mine=1,tenant=blue,user=7');
    expect(injectContext(['Baggage', 'mine=1'], { context })).toContain('mine=1,tenant=blue,user=7');
  });

  test('a carrier that is used again keeps its own entries and none of another context', () => {
    const carrier = { baggage: 'mine=1' };
    injectContext(carrier, { context });
    const other = propagation.setBaggage(bare, propagation.createBaggage({ tenant: { value: 'red' } }));
    expect(injectContext(carrier, { context: other }).baggage).toBe('mine=1,tenant=red');
    expect(injectContext(carrier, { context: bare }).baggage).toBe('mine=1');
    const empty: { baggage?: string } = {};
    injectContext(empty, { context });
    injectContext(empty, { context: bare });
    expect(empty.baggage).toBeUndefined();
  });

  test('the limits of the specification hold for what is added, and the caller’s own is never cut', () => {
    const many = Array.from({ length: 63 }, (_, n) => `k${n}=1`).join(',');
    expect(injected({ baggage: many }).baggage).toBe(`${many},tenant=blue`);
    const long = `k=${'x'.repeat(9_000)}`;
    expect(injected({ baggage: long }).baggage).toBe(long);
    const nearly = `k=${'x'.repeat(8_192 - 2 - 8)}`;
    expect(injected({ baggage: nearly }).baggage).toBe(`${nearly},user=7`);
  });
});
