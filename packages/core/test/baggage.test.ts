import { propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import {
  activeContext,
  baggageFields,
  extractContext,
  getBaggageEntry,
  injectContext,
  runInContext,
  withBaggage,
} from '@throughline/core';
import { createHttpServerTracer } from '@throughline/http-semantics';
import { W3CBaggagePropagator } from '@throughline/propagators';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Recorder, startSdk, stopSdk, TRACEPARENT } from './sdk.ts';

let spans: Recorder;
beforeEach(() => {
  spans = startSdk();
});
afterEach(stopSdk);
const under = <T>(baggage: string, fn: () => T) => runInContext(extractContext({ baggage }), fn);

describe('getBaggageEntry', () => {
  test.each<[string, string, string | undefined]>([
    ['tenant=acme', 'tenant', 'acme'],
    ['tenant=a%20b;p=1,user=7', 'tenant', 'a b'],
    ['tenant=acme', 'absent', undefined],
    ['tenant=acme', 'constructor', undefined],
    ['tenant=acme', '__proto__', undefined],
    ['', 'tenant', undefined],
  ])('in %j, %s', (baggage, name, value) => {
    expect(under(baggage, () => getBaggageEntry(name))).toBe(value);
  });
});

describe('withBaggage', () => {
  test('adds, replaces and removes for the length of the call, and returns what it returns', async () => {
    const seen = await under('a=1,b=2,c=3', () =>
      withBaggage({ b: 'two', c: undefined, d: '4' }, async () => {
        await new Promise((turn) => setImmediate(turn));
        return injectContext({});
      }),
    );
    expect(seen).toEqual({ baggage: 'a=1,b=two,d=4' });
    expect(propagation.getBaggage(activeContext())).toBeUndefined();
  });

  test('keeps the properties of entries that it does not touch', () => {
    expect(under('a=1;p=x', () => withBaggage({ b: '2' }, () => injectContext({})))).toEqual({
      baggage: 'a=1;p=x,b=2',
    });
  });

  test.each<[string, Parameters<typeof withBaggage>[0], string]>([
    ['of an entry', { b: { value: 'two', properties: 'internal;ttl=60' } }, 'b=two;internal;ttl=60'],
    ['beside plain entries', { a: '1', b: { value: 'two', properties: 'ttl=60' } }, 'a=1,b=two;ttl=60'],
    ['left out', { b: { value: 'two' } }, 'b=two'],
    ['undefined', { b: { value: 'two', properties: undefined } }, 'b=two'],
  ])('writes properties: %s', (_, entries, baggage) => {
    const propagator = new W3CBaggagePropagator();
    expect(withBaggage(entries, () => injectContext({}))).toEqual({ baggage });
    expect(withBaggage(entries, () => injectContext({}, { propagator }))).toEqual({ baggage });
  });

  test('runs the function whatever an untyped caller passes', () => {
    expect(withBaggage({ a: null as never, b: 7 as never }, () => 'ran')).toBe('ran');
  });

  test('throws what the function throws, by identity', () => {
    const failure = new Error('mine');
    let caught: unknown;
    try {
      withBaggage({ a: '1' }, () => {
        throw failure;
      });
    } catch (error) {
      caught = error;
    }
    expect(caught).toBe(failure);
  });

  test('works without an SDK, within the process', () => {
    stopSdk();
    expect(withBaggage({ a: '1' }, () => getBaggageEntry('a'))).toBe('1');
    expect(getBaggageEntry('a')).toBeUndefined();
  });
});

describe('by list, never by itself', () => {
  test('baggageFields takes what is listed, cut to length', () => {
    const long = 'x'.repeat(1_000);
    expect(
      under(`tenant=acme,user=7,long=${long}`, () => baggageFields(['tenant', 'long', 'absent'])),
    ).toEqual({
      'baggage.tenant': 'acme',
      'baggage.long': 'x'.repeat(256),
    });
    expect(baggageFields(['tenant'])).toEqual({});
    expect(baggageFields(['tenant'], ROOT_CONTEXT)).toEqual({});
  });

  const recorded = (baggageAttributes: string[] | undefined, trust: 'continue' | 'restart' = 'continue') => {
    const headers = { traceparent: TRACEPARENT, baggage: 'tenant=acme,user=7' };
    const tracer = createHttpServerTracer({ baggageAttributes, trust });
    tracer.start({ method: 'GET', target: '/', scheme: 'http', headers }).end({ statusCode: 200 });
    const attributes = spans.ended.splice(0)[0]?.attributes ?? {};
    return Object.fromEntries(Object.entries(attributes).filter(([name]) => name.startsWith('baggage')));
  };

  test('baggageAttributes records what is listed, after the trust decision', () => {
    expect(recorded(undefined)).toEqual({});
    expect(recorded(['tenant', 'absent'])).toEqual({ 'baggage.tenant': 'acme' });
    expect(recorded(['tenant'], 'restart')).toEqual({});
  });
});
