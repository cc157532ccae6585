import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import {
  type Carrier,
  carrierGetter,
  carrierSetter,
  extractContext,
  injectContext,
  runInContext,
} from '@throughline/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listenToDiag, SPAN_ID, startSdk, stopSdk, TRACE_ID, TRACEPARENT, w3c } from '../../core/test/sdk.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const nullPrototype = (fields: object) => Object.assign(Object.create(null), fields);

const FORMS: [string, (name: string, value: string) => Carrier][] = [
  ['object', (name, value) => ({ other: '1', [name]: value })],
  ['object without a prototype', (name, value) => nullPrototype({ other: '1', [name]: value })],
  ['frozen object', (name, value) => Object.freeze({ other: '1', [name]: value })],
  ['object of arrays', (name, value) => ({ [name]: [value] })],
  ['object of bytes', (name, value) => ({ [name]: bytes(value) })],
  ['object of Buffers', (name, value) => ({ [name]: Buffer.from(value) })],
  ['object of arrays of bytes', (name, value) => ({ [name]: [bytes(value)] })],
  ['Headers', (name, value) => new Headers({ other: '1', [name]: value })],
  [
    'Map',
    (name, value) =>
      new Map<string, unknown>([
        ['other', '1'],
        [name, value],
      ]),
  ],
  ['Map of bytes', (name, value) => new Map([[name, bytes(value)]])],
  [
    'pairs',
    (name, value) => [
      ['other', '1'],
      [name, value],
    ],
  ],
  ['flat array', (name, value) => ['other', '1', name, value]],
  ['flat array of Buffers', (name, value) => [Buffer.from(name), Buffer.from(value)]],
  ['Proxy', (name, value) => new Proxy({ [name]: value }, {})],
  [
    'object with a getter',
    (name, value) =>
      Object.defineProperty({}, name, { enumerable: true, get: () => value }) as Record<string, unknown>,
  ],
];
const CASES = ['traceparent', 'Traceparent', 'TRACEPARENT', 'tRaCePaReNt'];

describe('extractContext', () => {
  beforeEach(() => void startSdk());
  afterEach(stopSdk);

  test.each(FORMS)('reads a %s, in any letter case', (_, carrier) => {
    for (const name of CASES)
      expect(trace.getSpanContext(extractContext(carrier(name, TRACEPARENT)))).toMatchObject({
        traceId: TRACE_ID,
        spanId: SPAN_ID,
        isRemote: true,
      });
  });

  test('starts from the root context, whatever is active', () => {
    expect(trace.getSpanContext(extractContext({}))).toBeUndefined();
    const active = extractContext({ traceparent: TRACEPARENT });
    runInContext(active, () => expect(extractContext({})).toBe(ROOT_CONTEXT));
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['a number', 7],
    ['a string', 'traceparent'],
    ['a symbol', Symbol('x')],
    ['a function', () => TRACEPARENT],
    ['an empty object', {}],
    ['an empty array', []],
    ['an odd flat array', ['traceparent']],
    ['pairs that are none', [['a'], null, 7, [], [null]]],
    ['a Proxy that throws in every trap', hostileProxy()],
    ['a revoked Proxy', revokedProxy()],
    ['objects for values', { traceparent: {}, tracestate: null, baggage: 7 }],
    ['names of the prototype', JSON.parse('{"__proto__": "x", "constructor": "y"}')],
  ])('yields an empty context for %s', (_, carrier) => {
    expect(trace.getSpanContext(extractContext(carrier as Carrier))).toBeUndefined();
  });

  test('one field that cannot be read does not cost the others', () => {
    const carrier = {
      get baggage(): string {
        throw new Error('no');
      },
      traceparent: TRACEPARENT,
    };
    expect(trace.getSpanContext(extractContext(carrier))?.traceId).toBe(TRACE_ID);
    const pairs = [null, 7, [Symbol('x'), '1'], [{ toString: null }, '2'], ['traceparent', TRACEPARENT]];
    expect(trace.getSpanContext(extractContext([['a', 'b'], ...pairs]))?.traceId).toBe(TRACE_ID);
  });

  test('a propagator that throws starts a new trace', () => {
    const propagator = {
      fields: () => [],
      inject() {},
      extract: () => {
        throw new Error('no');
      },
    };
    expect(extractContext({ traceparent: TRACEPARENT }, propagator)).toBe(ROOT_CONTEXT);
  });
});

describe('carrierGetter', () => {
  test.each<[string, Carrier, string | string[] | undefined]>([
    ['one value', { a: 'x' }, 'x'],
    ['several values', { a: ['x', 'y'] }, ['x', 'y']],
    ['the same name in two letter cases', { a: 'x', A: 'y' }, ['x', 'y']],
    ['repeats in a flat array', ['a', 'x', 'A', 'y'], ['x', 'y']],
    [
      'repeats in pairs',
      [
        ['a', 'x'],
        ['a', ['y', 'z']],
      ],
      ['x', 'y', 'z'],
    ],
    ['no value', { b: 'x' }, undefined],
    ['an empty one', { a: '' }, ''],
    ['an empty list', { a: [] }, undefined],
    ['an inherited one', Object.create({ a: 'x' }) as Record<string, unknown>, undefined],
    ['a number', { a: 7 }, undefined],
  ])('%s', (_, carrier, expected) => expect(carrierGetter.get(carrier, 'a')).toEqual(expected));

  test('lists names', () => {
    expect(carrierGetter.keys({ A: '1', b: '2' })).toEqual(['A', 'b']);
    expect(carrierGetter.keys(['A', '1'])).toEqual(['A']);
    expect(carrierGetter.keys(new Headers({ A: '1' }))).toEqual(['a']);
    expect(carrierGetter.keys(null as unknown as Carrier)).toEqual([]);
  });

  test('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.anything({ withNullPrototype: true, withMap: true, withTypedArray: true }),
        (carrier) => {
          carrierGetter.get(carrier as Carrier, 'traceparent');
          carrierGetter.keys(carrier as Carrier);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('injectContext', () => {
  beforeEach(() => void startSdk());
  afterEach(stopSdk);
  const active = trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 1 });
  const thawed = FORMS.filter(([form]) => !/frozen|getter/.test(form));

  test.each(thawed)('replaces the field in a %s, in any letter case', (_, make) => {
    for (const name of CASES) {
      const carrier = make(name, '00-stale');
      expect(injectContext(carrier, { context: active })).toBe(carrier);
      expect(carrierGetter.get(carrier, 'traceparent')).toBe(TRACEPARENT);
      expect(carrierGetter.keys(carrier).filter((key) => key.toLowerCase() === 'traceparent')).toHaveLength(
        1,
      );
    }
  });

  test('fills an empty array with pairs', () => {
    expect(injectContext([], { context: active })).toEqual([['traceparent', TRACEPARENT]]);
  });

  test('removes every stale field of the propagator, and nothing else', () => {
    const carrier = { TraceParent: 'x', TRACESTATE: 'x', Baggage: 'x', other: 'kept' };
    expect(injectContext(carrier, { context: active })).toEqual({ traceparent: TRACEPARENT, other: 'kept' });
  });

  test('leaves the carrier alone when there is nothing to write', () => {
    const carrier = { traceparent: 'somebody else', baggage: 'a=b' };
    expect(injectContext(carrier, { context: ROOT_CONTEXT })).toEqual({
      traceparent: 'somebody else',
      baggage: 'a=b',
    });
  });

  test('does not throw on a frozen object, a primitive or a hostile Proxy, and reports once', () => {
    const lines = listenToDiag();
    const frozen = Object.freeze({ traceparent: 'stale' });
    for (const carrier of [frozen, frozen, null, 7, 'text', hostileProxy()])
      expect(injectContext(carrier as Carrier, { context: active })).toBe(carrier);
    expect(frozen).toEqual({ traceparent: 'stale' });
    expect(lines.filter((line) => line.includes('inject() failed'))).toHaveLength(1);
  });

  test.each(thawed)('carrierSetter by itself replaces the field in a %s', (_, make) => {
    const carrier = make('TraceParent', 'stale');
    carrierSetter.set(carrier, 'traceparent', TRACEPARENT);
    expect(carrierGetter.get(carrier, 'traceparent')).toBe(TRACEPARENT);
  });

  test('carrierSetter does not throw on a frozen object', () => {
    carrierSetter.set(Object.freeze({}), 'traceparent', TRACEPARENT);
    carrierSetter.set(Object.freeze([]) as unknown as Carrier, 'traceparent', TRACEPARENT);
    carrierSetter.set(null as unknown as Carrier, 'traceparent', TRACEPARENT);
  });

  test.each(['a\r\nb: c', 'a\nb', 'a\0b', '\u{1f600}', '\ud800'])(
    'never writes the illegal value %j, nor leaves the stale one',
    (value) => {
      const propagator = {
        fields: () => ['x'],
        extract: () => ROOT_CONTEXT,
        inject: (_: unknown, carrier: unknown, setter: { set(c: unknown, n: string, v: string): void }) =>
          setter.set(carrier, 'x', value),
      };
      expect(injectContext({ X: 'stale' }, { context: active, propagator })).toEqual({});
    },
  );

  test('a propagator that throws, in inject() or fields(), leaves the carrier whole', () => {
    const boom = () => {
      throw new Error('no');
    };
    for (const faulty of [{ inject: boom }, { fields: boom }]) {
      const propagator = Object.assign(w3c(), faulty);
      expect(injectContext({ a: '1' }, { context: active, propagator })).toEqual({ a: '1' });
    }
  });
});

function hostileProxy(): Carrier {
  const trap = () => {
    throw new Error('trap');
  };
  return new Proxy({}, { get: trap, has: trap, ownKeys: trap, getOwnPropertyDescriptor: trap, set: trap });
}

function revokedProxy(): Carrier {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
