import {
  type BaggageEntry,
  INVALID_SPAN_CONTEXT,
  propagation,
  ROOT_CONTEXT,
  trace,
} from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { JaegerPropagator, W3CBaggagePropagator } from '@throughline/propagators';
import { describe, expect, it, test } from 'vitest';

const T = '0af7651916cd43dd8448eb211c80319c';
const S = 'b7ad6b7169203331';
const propagator = new JaegerPropagator();

function through(carrier: unknown): Record<string, string> {
  const out: Record<string, string> = {};
  propagator.inject(propagator.extract(ROOT_CONTEXT, carrier), out);
  return out;
}

describe('uber-trace-id', () => {
  test.each([
    ['sampled', `${T}:${S}:0:1`, '01'],
    ['not sampled', `${T}:${S}:0:0`, '00'],
    ['two digits', `${T}:${S}:0:01`, '01'],
    ['debug kept (§5 43)', `${T}:${S}:0:3`, '03'],
    ['debug alone is accept', `${T}:${S}:0:2`, '03'],
    ['unknown bits dropped (§5 43)', `${T}:${S}:0:11`, '01'],
    ['parent id', `${T}:${S}:${S}:1`, '01'],
    ['empty parent id', `${T}:${S}::1`, '01'],
    ['url-encoded', `${T}%3A${S}%3a0%3A1`, '01'],
    ['upper case', `${T}:${S}:0:1`.toUpperCase(), '01'],
    ['OWS', ` ${T}:${S}:0:1 `, '01'],
    ['a parent', `${T}:${S}:${S}:1`, '01'],
    ['a parent of zeros', `${T}:${S}:${'0'.repeat(16)}:1`, '01'],
    ['no parent', `${T}:${S}::1`, '01'],
    ['first of joined values', `${T}:${S}:0:0, ${T}:${S}:0:1`, '00'],
    ['first of several values', [`${T}:${S}:0:0`, `${T}:${S}:0:1`], '00'],
  ])('%s', (_, header, flags) => {
    expect(through({ 'uber-trace-id': header })).toEqual({ 'uber-trace-id': `${T}:${S}:0:${flags}` });
  });

  it('pads short ids with zeros', () => {
    expect(through({ 'Uber-Trace-Id': 'abc:1:0:1' })).toEqual({
      'uber-trace-id': `${'0'.repeat(29)}abc:${'0'.repeat(15)}1:0:01`,
    });
  });

  test.each([
    ['not hex (§5 40)', 'zzz:yyy:0:1'],
    ['zero trace id (§5 40)', `0:${S}:0:1`],
    ['zero span id', `${T}:0:0:1`],
    ['36-hex id (§5 40)', `${T}abcd:${S}:0:1`],
    ['17-hex span', `${T}:${S}a:0:1`],
    ['flags zz (§5 41)', `${T}:${S}:0:zz`],
    ['no flags (§5 41)', `${T}:${S}:0:`],
    ['flags 100 (§5 41)', `${T}:${S}:0:100`],
    ['flags wired (§5 41)', `${T}:${S}:0:wired`],
    ['three parts', `${T}:${S}:0`],
    ['five parts', `${T}:${S}:0:1:2`],
    ['parent that is no id', `${T}:${S}:q:1`],
    ['a megabyte', ':'.repeat(1_000_000)],
    ['empty', ''],
  ])('refuses %s', (_, header) => {
    expect(propagator.extract(ROOT_CONTEXT, { 'uber-trace-id': header })).toBe(ROOT_CONTEXT);
  });

  test.each([
    ['an invalid span context (§5 42)', trace.setSpanContext(ROOT_CONTEXT, INVALID_SPAN_CONTEXT)],
    [
      'a suppressed context',
      suppressTracing(propagator.extract(ROOT_CONTEXT, { 'uber-trace-id': `${T}:${S}:0:1` })),
    ],
  ])('writes nothing for %s', (_, context) => {
    const carrier = {};
    propagator.inject(context, carrier);
    expect(carrier).toEqual({});
  });

  it('W3C’s random flag is not Jaeger’s debug flag (§5 43)', () => {
    const out: Record<string, string> = {};
    propagator.inject(trace.setSpanContext(ROOT_CONTEXT, { traceId: T, spanId: S, traceFlags: 3 }), out);
    expect(out['uber-trace-id']).toBe(`${T}:${S}:0:01`);
  });

  it('names exactly the fixed header it may write', () => {
    expect(propagator.fields()).toEqual(['uber-trace-id']);
  });
});

describe('baggage', () => {
  const entries = (carrier: unknown) =>
    propagation
      .getBaggage(propagator.extract(ROOT_CONTEXT, carrier))
      ?.getAllEntries()
      .map(([key, { value }]) => [key, value]);

  test.each<[string, Record<string, unknown>, string[][] | undefined]>([
    [
      'uberctx-',
      { 'uberctx-a': '1', 'uberctx-b': 'x%20y' },
      [
        ['a', '1'],
        ['b', 'x y'],
      ],
    ],
    ['mixed case, key as the getter shows it (§5 44)', { 'Uberctx-UserId': '1' }, [['UserId', '1']]],
    [
      'jaeger-baggage (§5 44)',
      { 'jaeger-baggage': 'a=1, b = x%20y ,c' },
      [
        ['a', '1'],
        ['b', 'x y'],
      ],
    ],
    ['empty key (§5 44)', { 'uberctx-': '1' }, undefined],
    ['key that is no token (§5 44)', { 'uberctx-a b': '1', 'uberctx-ok': '1' }, [['ok', '1']]],
    ['__proto__', { 'uberctx-__proto__': '1' }, [['__proto__', '1']]],
    ['not UTF-8', { 'uberctx-a': '%FF' }, [['a', '\ufffd']]],
    ['too large', { 'uberctx-a': 'v'.repeat(9000), 'uberctx-b': '1' }, [['b', '1']]],
  ])('in: %s', (_, carrier, expected) => {
    expect(entries(carrier)).toEqual(expected);
  });

  it('in: at most 64 entries', () => {
    const carrier = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`uberctx-k${i}`, '1']));
    expect(entries(carrier)).toHaveLength(64);
  });

  test.each<[string, string, unknown, Record<string, string>]>([
    ['plain', 'a', { value: '1' }, { 'uberctx-a': '1' }],
    ['coded', 'a', { value: 'é\r\n' }, { 'uberctx-a': '%C3%A9%0D%0A' }],
    ['lone surrogate', 'a', { value: '\ud800' }, { 'uberctx-a': '%EF%BF%BD' }],
    ['key that is no token (§5 44)', 'a b', { value: '1' }, {}],
    ['no entry', 'a', undefined, {}],
    ['too large', 'a', { value: 'v'.repeat(9000) }, {}],
  ])('out: %s', (_, key, entry, expected) => {
    const baggage = propagation.createBaggage().setEntry(key, entry as BaggageEntry);
    const out = {};
    propagator.inject(propagation.setBaggage(ROOT_CONTEXT, baggage), out);
    expect(out).toEqual(expected);
  });

  it('out: nothing of an earlier use stays', () => {
    const carrier = { 'Uberctx-Secret': '1', 'uberctx-a': '0', other: '1' };
    const baggage = propagation.createBaggage({ a: { value: '1' } });
    propagator.inject(propagation.setBaggage(ROOT_CONTEXT, baggage), carrier);
    expect(carrier).toEqual({ 'uberctx-a': '1', other: '1' });
  });

  it('adds to the context’s baggage', () => {
    const before = new W3CBaggagePropagator().extract(ROOT_CONTEXT, { baggage: 'a=1,b=2' });
    const after = propagator.extract(before, { 'uberctx-b': '3' });
    expect(propagation.getBaggage(after)?.getAllEntries()).toEqual([
      ['a', { value: '1' }],
      ['b', { value: '3' }],
    ]);
  });
});
