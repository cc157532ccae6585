import { defaultTextMapGetter, defaultTextMapSetter, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { carrierGetter, carrierSetter, W3CTraceContextPropagator } from '@throughline/propagators';
import { describe, expect, it, test } from 'vitest';

const bytes = (text: string) => new TextEncoder().encode(text);
const boom = (): never => {
  throw new Error('no');
};
const hostile = new Proxy(
  {},
  { get: boom, has: boom, ownKeys: boom, getOwnPropertyDescriptor: boom, getPrototypeOf: boom },
);
const metadata = (values: Record<string, unknown[]>) => ({
  get: (key: string) => values[key] ?? [],
  getMap: () => values,
});

describe('get', () => {
  test.each<[string, unknown, unknown]>([
    ['a Node header object', { foo: '1' }, '1'],
    ['Title-Case', { Foo: '1' }, '1'],
    ['headersDistinct', { foo: ['1'] }, '1'],
    ['several values', { foo: ['1', '2'] }, ['1', '2']],
    ['two letter cases', { Foo: '1', FOO: '2' }, ['1', '2']],
    ['two letter cases, one as asked for', { FOO: '2', foo: '1' }, ['2', '1']],
    ['bytes', { foo: bytes('1') }, '1'],
    ['an array of bytes', { foo: [bytes('1'), Buffer.from('2')] }, ['1', '2']],
    ['bytes above 127 one by one', { foo: new Uint8Array([0x80, 0x9f, 0xff]) }, '\x80\x9f\xff'],
    ['Headers', new Headers({ Foo: '1' }), '1'],
    ['a Map', new Map([['foo', '1']]), '1'],
    ['a Map in Title-Case', new Map([['Foo', '1']]), '1'],
    [
      'an array of pairs',
      [
        ['Foo', '1'],
        ['bar', '2'],
      ],
      '1',
    ],
    [
      'pairs with the name twice',
      [
        ['foo', '1'],
        ['FOO', '2'],
      ],
      ['1', '2'],
    ],
    ['rawHeaders', ['Bar', '0', 'Foo', '1'], '1'],
    ['gRPC metadata', metadata({ foo: ['1'] }), '1'],
    ['a null prototype', Object.assign(Object.create(null), { foo: '1' }), '1'],
    ['frozen', Object.freeze({ foo: '1' }), '1'],
    ['a Proxy', new Proxy({ foo: '1' }, {}), '1'],
    [
      'a getter',
      {
        get foo() {
          return '1';
        },
      },
      '1',
    ],
    ['inherited', Object.create({ foo: '1' }), undefined],
    ['inherited in another case', Object.create({ Foo: '1' }), undefined],
    [
      'a throwing getter',
      {
        get foo() {
          return boom();
        },
      },
      undefined,
    ],
    ['a hostile Proxy', hostile, undefined],
    ['an object with a throwing get()', { get: boom }, undefined],
    ['a number', { foo: 1 }, undefined],
    ['an object', { foo: {} }, undefined],
    ['mixed types', { foo: [1, '2', null] }, '2'],
    ['an empty array', { foo: [] }, undefined],
    ['null', null, undefined],
    ['undefined', undefined, undefined],
    ['a string', 'foo', undefined],
    ['a function', () => '1', undefined],
    ['pairs that are none', [null, 5, ['foo']], undefined],
  ])('%s', (_, carrier, expected) => {
    expect(carrierGetter.get(carrier, 'foo')).toEqual(expected);
  });

  it('is not fooled by names of Object.prototype', () => {
    for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expect(carrierGetter.get({}, key)).toBeUndefined();
      expect(carrierGetter.get(JSON.parse(`{"${key}":"1"}`), key)).toBe('1');
    }
  });

  it('reads a bounded part of large values', () => {
    expect(carrierGetter.get({ foo: new Uint8Array(10_000_000) }, 'foo')).toHaveLength(16_385);
    expect(carrierGetter.get({ foo: Array(10_000).fill('x') }, 'foo')).toHaveLength(129);
  });
});

test.each<[string, unknown, string[]]>([
  ['object', { a: 1, B: 2 }, ['a', 'B']],
  [
    'Map',
    new Map<unknown, string>([
      ['a', '1'],
      [5, '2'],
    ]),
    ['a'],
  ],
  ['Headers', new Headers({ A: '1' }), ['a']],
  ['pairs', [['a', '1'], null, ['B', '2']], ['a', 'B']],
  ['rawHeaders', ['a', '1', 'B', '2'], ['a', 'B']],
  ['gRPC metadata', metadata({ a: ['1'] }), ['a']],
  ['null', null, []],
  ['hostile', hostile, []],
])('keys of %s', (_, carrier, expected) => {
  expect(carrierGetter.keys(carrier)).toEqual(expected);
});

describe('set', () => {
  test.each<[string, object, unknown]>([
    ['object', { a: '1' }, { a: '1', foo: 'new' }],
    ['object in another case', { Foo: 'old', FOO: 'older' }, { foo: 'new' }],
    [
      'Map',
      new Map([
        ['Foo', 'old'],
        ['a', '1'],
      ]),
      new Map([
        ['a', '1'],
        ['foo', 'new'],
      ]),
    ],
    [
      'pairs',
      [
        ['Foo', 'old'],
        ['a', '1'],
      ],
      [
        ['a', '1'],
        ['foo', 'new'],
      ],
    ],
    ['empty pairs', [], [['foo', 'new']]],
    ['rawHeaders', ['Foo', 'old', 'a', '1'], ['a', '1', 'foo', 'new']],
    ['frozen', Object.freeze({ foo: 'old' }), { foo: 'old' }],
    ['null prototype', Object.create(null), { foo: 'new' }],
  ])('%s', (_, carrier, expected) => {
    carrierSetter.set(carrier, 'foo', 'new');
    expect(carrier).toEqual(expected);
  });

  it('Headers, and whatever has setHeader', () => {
    const headers = new Headers({ FOO: 'old' });
    carrierSetter.set(headers, 'foo', 'new');
    expect([...headers]).toEqual([['foo', 'new']]);
    const message: string[][] = [];
    carrierSetter.set(
      { setHeader: (key: string, value: string) => message.push([key, value]) },
      'foo',
      'new',
    );
    expect(message).toEqual([['foo', 'new']]);
  });

  it('__proto__ is a name like any other', () => {
    const carrier = {};
    carrierSetter.set(carrier, '__proto__', 'x');
    expect(Object.getPrototypeOf(carrier)).toBe(Object.prototype);
    expect(Object.entries(carrier)).toEqual([['__proto__', 'x']]);
  });

  it('never throws', () => {
    for (const carrier of [
      null,
      undefined,
      1,
      'x',
      hostile,
      { setHeader: boom },
      { set: boom },
      Object.freeze([]),
    ]) {
      expect(() => carrierSetter.set(carrier, 'foo', 'new')).not.toThrow();
      expect(() => carrierSetter.delete(carrier, 'foo')).not.toThrow();
    }
  });
});

test.each<[string, object, unknown]>([
  ['object', { Foo: '1', foo: '2', a: '3' }, { a: '3' }],
  [
    'Map',
    new Map([
      ['Foo', '1'],
      ['a', '3'],
    ]),
    new Map([['a', '3']]),
  ],
  [
    'pairs',
    [
      ['Foo', '1'],
      ['a', '3'],
    ],
    [['a', '3']],
  ],
  ['rawHeaders', ['Foo', '1', 'a', '3', 'odd'], ['a', '3', 'odd']],
  ['Headers', new Headers({ Foo: '1' }), new Headers()],
])('delete from %s', (_, carrier, expected) => {
  carrierSetter.delete(carrier, 'foo');
  expect(carrier).toEqual(expected);
});

test('delete asks a message or metadata to remove', () => {
  const removed: string[] = [];
  carrierSetter.delete({ removeHeader: (key: string) => removed.push(key) }, 'foo');
  carrierSetter.delete({ remove: (key: string) => removed.push(key) }, 'bar');
  expect(removed).toEqual(['foo', 'bar']);
});

describe('in place of the API’s defaults (§5 16)', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const propagator = new W3CTraceContextPropagator();

  test.each<[string, unknown]>([
    ['Title-Case', { Traceparent: traceparent }],
    ['Map', new Map([['Traceparent', traceparent]])],
    ['Headers', new Headers({ traceparent })],
    ['Buffer', { traceparent: Buffer.from(traceparent) }],
    ['pairs', [['TraceParent', traceparent]]],
  ])('%s', (_, carrier) => {
    const context = propagator.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter);
    expect(trace.getSpanContext(context)?.traceFlags).toBe(1);
    const headers = new Headers();
    propagator.inject(context, headers, defaultTextMapSetter);
    expect(headers.get('traceparent')).toBe(traceparent);
  });

  it('a getter that throws for one field loses that field only', () => {
    const getter = {
      keys: () => [],
      get: (_: unknown, key: string) => (key === 'traceparent' ? traceparent : boom()),
    };
    expect(trace.getSpanContext(propagator.extract(ROOT_CONTEXT, {}, getter))?.traceFlags).toBe(1);
  });

  it('a setter that throws for one field loses that field only', () => {
    const out: string[] = [];
    const context = propagator.extract(ROOT_CONTEXT, { traceparent, tracestate: 'a=1' });
    propagator.inject(context, {}, { set: (_, key) => (key === 'traceparent' ? boom() : out.push(key)) });
    expect(out).toEqual(['tracestate']);
  });
});
