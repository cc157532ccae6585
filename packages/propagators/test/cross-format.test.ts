import {
  type Context,
  propagation,
  ROOT_CONTEXT,
  type TextMapGetter,
  type TextMapSetter,
  trace,
} from '@opentelemetry/api';
import {
  B3Propagator,
  GrpcTraceBinPropagator,
  JaegerPropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
  XRayPropagator,
} from '@throughline/propagators';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';

const T = '0af7651916cd43dd8448eb211c80319c';
const S = 'b7ad6b7169203331';

const TRACE_ID = '(?!0{32})[0-9a-f]{32}';
const SPAN_ID = '(?!0{16})[0-9a-f]{16}';
const KEY = '[a-z0-9][a-z0-9_\\-*/@]{0,255}';
const VALUE = '[\\x20-\\x2b\\x2d-\\x3c\\x3e-\\x7e]{0,255}[\\x21-\\x2b\\x2d-\\x3c\\x3e-\\x7e]';
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const OCTETS = '[\\x21\\x23-\\x2b\\x2d-\\x3a\\x3c-\\x5b\\x5d-\\x7e]*';
const MEMBER = `${TOKEN}=${OCTETS}(?:;${TOKEN}(?:=${OCTETS})?)*`;

/** The strict grammar of everything that may go out. */
const GRAMMAR: Record<string, RegExp> = {
  traceparent: new RegExp(`^00-${TRACE_ID}-${SPAN_ID}-0[0-3]$`),
  tracestate: new RegExp(`^${KEY}=${VALUE}(?:,${KEY}=${VALUE}){0,31}$`),
  baggage: new RegExp(`^${MEMBER}(?:,${MEMBER}){0,63}$`),
  b3: new RegExp(`^${TRACE_ID}-${SPAN_ID}(?:-[01d])?$`),
  'x-b3-traceid': new RegExp(`^${TRACE_ID}$`),
  'x-b3-spanid': new RegExp(`^${SPAN_ID}$`),
  'x-b3-sampled': /^[01]$/,
  'x-b3-flags': /^1$/,
  'uber-trace-id': new RegExp(`^${TRACE_ID}:${SPAN_ID}:0:0[013]$`),
  'x-amzn-trace-id': new RegExp(
    `^Root=1-[0-9a-f]{8}-[0-9a-f]{24}(?:;Parent=${SPAN_ID})?;Sampled=[01?](?:;Lineage=[0-9A-Za-z:|.-]{1,256})?$`,
  ),
  'grpc-trace-bin': /^AA[A-D][0-9A-Za-z+/]{36}=$/,
};

function expectLegal(headers: Record<string, string>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('uberctx-')) {
      expect(name).toMatch(new RegExp(`^${TOKEN}$`));
      expect(value).toMatch(new RegExp(`^${OCTETS}$`));
    } else {
      expect(Object.keys(GRAMMAR)).toContain(name);
      expect(value).toMatch(GRAMMAR[name] as RegExp);
    }
    expect(value.length).toBeLessThanOrEqual(8192);
  }
  // What Node and fetch take is the last word.
  expect(() => new Headers(headers)).not.toThrow();
}

/** This package's propagators also work without a getter or setter. */
interface Propagator {
  extract(context: Context, carrier: unknown, getter?: TextMapGetter): Context;
  inject(context: Context, carrier: unknown, setter?: TextMapSetter): void;
}

const PROPAGATORS: Record<string, Propagator> = {
  tracecontext: new W3CTraceContextPropagator(),
  'tracecontext, random ids': new W3CTraceContextPropagator({ randomTraceIds: true }),
  baggage: new W3CBaggagePropagator(),
  b3: new B3Propagator(),
  b3multi: new B3Propagator({ inject: 'multi' }),
  jaeger: new JaegerPropagator(),
  xray: new XRayPropagator(),
  'grpc-trace-bin': new GrpcTraceBinPropagator({ encoding: 'base64' }),
};

function injectAll(context: Context): Record<string, string> {
  const out: Record<string, string> = {};
  for (const propagator of Object.values(PROPAGATORS)) propagator.inject(context, out);
  return out;
}

const IN: [string, string, Record<string, unknown>, { sampled: boolean }][] = [
  ['tracecontext', 'sampled', { traceparent: `00-${T}-${S}-01` }, { sampled: true }],
  [
    'tracecontext',
    'random, unsampled',
    { traceparent: `00-${T}-${S}-fe`, tracestate: 'a=1' },
    { sampled: false },
  ],
  ['b3', 'accept', { b3: `${T}-${S}-1` }, { sampled: true }],
  ['b3', 'deny', { b3: `${T}-${S}-0` }, { sampled: false }],
  ['b3', 'defer', { b3: `${T}-${S}` }, { sampled: true }],
  ['b3', 'debug', { b3: `${T}-${S}-d` }, { sampled: true }],
  ['b3', 'upper case', { b3: `${T}-${S}-1`.toUpperCase() }, { sampled: true }],
  [
    'b3',
    'upper-case multi',
    { 'X-B3-TraceId': T.toUpperCase(), 'X-B3-SpanId': S.toUpperCase() },
    { sampled: true },
  ],
  ['jaeger', 'sampled', { 'uber-trace-id': `${T}:${S}:0:1` }, { sampled: true }],
  ['jaeger', 'debug', { 'uber-trace-id': `${T}:${S}:0:3`.toUpperCase() }, { sampled: true }],
  ['jaeger', 'not sampled', { 'uber-trace-id': `${T}:${S}:0:0` }, { sampled: false }],
  [
    'xray',
    'sampled',
    { 'x-amzn-trace-id': `Root=1-${T.slice(0, 8)}-${T.slice(8)};Parent=${S};Sampled=1` },
    { sampled: true },
  ],
  [
    'xray',
    'upper case',
    {
      'x-amzn-trace-id': `Root=1-${T.slice(0, 8)}-${T.slice(8).toUpperCase()};Parent=${S.toUpperCase()};Sampled=0;Lineage=1:a`,
    },
    { sampled: false },
  ],
  [
    'xray',
    'deferred',
    { 'x-amzn-trace-id': `Root=1-${T.slice(0, 8)}-${T.slice(8)};Parent=${S};Sampled=?` },
    { sampled: true },
  ],
  [
    'grpc-trace-bin',
    'sampled',
    { 'grpc-trace-bin': Buffer.from(`0000${T}01${S}0201`, 'hex') },
    { sampled: true },
  ],
];

describe.each(IN)('%s (%s) comes in', (format, _, carrier, { sampled }) => {
  const context = (PROPAGATORS[format] as Propagator).extract(ROOT_CONTEXT, carrier);

  test.each(Object.entries(PROPAGATORS).filter(([name]) => name !== 'baggage'))(
    '%s goes out',
    (name, propagator) => {
      const out: Record<string, string> = {};
      propagator.inject(context, out);
      expectLegal(out);
      expect(Object.keys(out).length).toBeGreaterThan(0);
      // And what goes out says the same when it comes in.
      const again = trace.getSpanContext(propagator.extract(ROOT_CONTEXT, out));
      expect(again).toMatchObject({ traceId: T, spanId: S, isRemote: true });
      expect((again?.traceFlags ?? 0) & 1).toBe(sampled ? 1 : 0);
      expect(name).toBeDefined();
    },
  );
});

const traceId = fc.stringMatching(/^[0-9a-f]{32}$/).filter((id) => /[^0]/.test(id));
const spanId = fc.stringMatching(/^[0-9a-f]{16}$/).filter((id) => /[^0]/.test(id));
const spanContexts = fc.record({ traceId, spanId, traceFlags: fc.integer({ min: 0, max: 255 }) });

describe('extract(inject(x)) is x', () => {
  test.each(Object.entries(PROPAGATORS).filter(([name]) => name !== 'baggage'))('%s', (name, propagator) => {
    fc.assert(
      fc.property(spanContexts, (spanContext) => {
        const out: Record<string, string> = {};
        propagator.inject(trace.setSpanContext(ROOT_CONTEXT, { ...spanContext, isRemote: true }), out);
        expectLegal(out);
        const kept = name.startsWith('tracecontext') ? 3 : 1;
        expect(trace.getSpanContext(propagator.extract(ROOT_CONTEXT, out))).toEqual({
          ...spanContext,
          traceFlags: spanContext.traceFlags & kept,
          isRemote: true,
        });
      }),
    );
  });

  const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,20}$/);
  const value = fc.string({ unit: 'binary', maxLength: 20 });
  const baggages = fc.uniqueArray(fc.tuple(token, value), { maxLength: 30, selector: ([key]) => key });

  test.each(['baggage', 'jaeger'])('baggage by %s', (name) => {
    const propagator = PROPAGATORS[name] as Propagator;
    fc.assert(
      fc.property(baggages, (entries) => {
        let baggage = propagation.createBaggage();
        for (const [key, text] of entries) baggage = baggage.setEntry(key, { value: text });
        // Headers would fold case and trim; a Map keeps what the propagator wrote.
        const out = new Map<string, string>();
        propagator.inject(propagation.setBaggage(ROOT_CONTEXT, baggage), out);
        expectLegalEntries(out);
        const read = propagation.getBaggage(propagator.extract(ROOT_CONTEXT, out));
        const sentKeys = name === 'jaeger' ? firstOfEachCase(entries) : entries;
        expect(read?.getAllEntries() ?? []).toEqual(
          sentKeys.map(([key, text]) => [key, { value: text.replace(/\p{Surrogate}/gu, '\ufffd') }]),
        );
      }),
    );
  });

  test('tracestate', () => {
    const key = fc.stringMatching(/^[a-z0-9][a-z0-9_\-*/@]{0,20}$/);
    const text = fc.stringMatching(/^[ -+\--<>-~]{0,10}[!-+\--<>-~]$/);
    const list = fc.uniqueArray(fc.tuple(key, text), { minLength: 1, maxLength: 12, selector: ([k]) => k });
    fc.assert(
      fc.property(list, (members) => {
        const tracestate = members.map(([k, v]) => `${k}=${v}`).join(',');
        const w3c = PROPAGATORS.tracecontext as Propagator;
        const out: Record<string, string> = {};
        w3c.inject(w3c.extract(ROOT_CONTEXT, { traceparent: `00-${T}-${S}-01`, tracestate }), out);
        expect(out.tracestate).toBe(tracestate);
      }),
    );
  });
});

function expectLegalEntries(out: Map<string, string>): void {
  expectLegal(Object.fromEntries([...out].filter(([name]) => name !== 'uberctx-__proto__')));
}

/** A setter that replaces names in any letter case leaves the last of them. */
function firstOfEachCase(entries: [string, string][]): [string, string][] {
  const byCase = new Map<string, [string, string]>();
  for (const entry of entries) {
    byCase.delete(entry[0].toLowerCase());
    byCase.set(entry[0].toLowerCase(), entry);
  }
  return [...byCase.values()];
}

describe('whatever comes in, nothing throws and what goes out is legal', () => {
  const fields = [...Object.keys(GRAMMAR), 'jaeger-baggage', 'uberctx-a', 'Uberctx-é', '__proto__'];
  const valid = [
    `00-${T}-${S}-03`,
    `${T}-${S}-d`,
    `${T}:${S}:0:3`,
    'a=1,b=2;p=%FF',
    `Root=1-${T.slice(0, 8)}-${T.slice(8)};Lineage=a:1`,
    T,
    S,
    'd',
    '0',
  ];
  const part = fc.oneof(
    fc.constantFrom(...valid, ',', ';', '=', '-', ':', '%', ' ', '\r\n', '\u0000', 'é'),
    fc.string({ unit: 'binary' }),
  );
  const text = fc.oneof(
    fc.constantFrom(...valid),
    fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')),
  );
  const value = fc.oneof(text, fc.array(text, { maxLength: 3 }), fc.uint8Array(), fc.anything());
  const carriers = fc.array(fc.tuple(fc.constantFrom(...fields), value), { maxLength: 10 });

  it('as strings, arrays, bytes and anything else, in objects, Maps and pairs', () => {
    fc.assert(
      fc.property(carriers, fc.integer({ min: 0, max: 3 }), (pairs, shape) => {
        const carrier =
          shape === 0
            ? pairs
            : shape === 1
              ? new Map(pairs)
              : shape === 2
                ? pairs.flat()
                : Object.fromEntries(pairs);
        let context = ROOT_CONTEXT;
        for (const propagator of Object.values(PROPAGATORS)) {
          context = propagator.extract(context, carrier);
          expectLegal(injectAll(context));
        }
        propagation.getBaggage(context)?.getAllEntries();
      }),
      { numRuns: 500 },
    );
  });

  it('whatever a program put into its context', () => {
    const anything = fc.anything();
    const spanContext = fc.oneof(
      anything,
      fc.record({
        traceId: fc.oneof(traceId, anything),
        spanId: fc.oneof(spanId, anything),
        traceFlags: anything,
        traceState: anything,
      }),
    );
    const entries = fc.array(
      fc.tuple(
        fc.string({ unit: 'binary' }),
        fc.oneof(anything, fc.record({ value: fc.string({ unit: 'binary' }), metadata: anything })),
      ),
    );
    fc.assert(
      fc.property(spanContext, entries, (garbage, list) => {
        let baggage = propagation.createBaggage();
        for (const [key, entry] of list) baggage = baggage.setEntry(key, entry as never);
        const context = propagation.setBaggage(trace.setSpanContext(ROOT_CONTEXT, garbage as never), baggage);
        expectLegal(injectAll(context));
      }),
      { numRuns: 500 },
    );
  });

  const boom = (): never => {
    throw new Error('no');
  };
  const hostile = new Proxy(Object.create(null), {
    get: boom,
    set: boom,
    has: boom,
    ownKeys: boom,
    getPrototypeOf: boom,
    getOwnPropertyDescriptor: boom,
    deleteProperty: boom,
  });
  const things: unknown[] = [
    null,
    undefined,
    0,
    '',
    'x',
    Symbol('s'),
    1n,
    () => 1,
    [],
    {},
    hostile,
    Object.freeze({}),
    { get: boom, set: boom, keys: boom, getValue: boom },
  ];

  test.each(Object.entries(PROPAGATORS))(
    'P1 %s with hostile contexts, carriers, getters and setters',
    (_, propagator) => {
      const good = PROPAGATORS.b3?.extract(ROOT_CONTEXT, { b3: `${T}-${S}-d`, baggage: 'a=1' }) as Context;
      for (const context of [...things, good]) {
        for (const carrier of things) {
          for (const access of things) {
            const result = propagator.extract(context as Context, carrier, access as never);
            if (context !== good) expect(result === context || typeof result === 'object').toBe(true);
            propagator.inject(context as Context, carrier, access as never);
          }
        }
      }
    },
  );
});

describe('P2 work is bounded whatever the size', () => {
  const fields = [
    'traceparent',
    'tracestate',
    'baggage',
    'b3',
    'x-b3-traceid',
    'uber-trace-id',
    'jaeger-baggage',
    'x-amzn-trace-id',
    'grpc-trace-bin',
  ];
  test.each([...',;= %:-a'].map((char) => [char]))('10 MB of "%s" in every field at once', (char) => {
    const text = char.repeat(10_000_000);
    const carrier: Record<string, string> = {
      ...Object.fromEntries(fields.map((field) => [field, text])),
      traceparent: `00-${T}-${S}-01`,
    };
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 20; i++) {
      const start = performance.now();
      let context = ROOT_CONTEXT;
      for (const propagator of Object.values(PROPAGATORS)) context = propagator.extract(context, carrier);
      best = Math.min(best, performance.now() - start);
    }
    expect(best).toBeLessThan(1);
  });
});
