import {
  type Context,
  createContextKey,
  DiagLogLevel,
  diag,
  propagation,
  ROOT_CONTEXT,
  type TextMapPropagator,
  trace,
} from '@opentelemetry/api';
import {
  AlwaysOnSampler,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import {
  B3Propagator,
  CompositePropagator,
  conflictingSpanContexts,
  isSamplingDeferred,
  JaegerPropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
  XRayPropagator,
} from '@throughline/propagators';
import { afterEach, describe, expect, it, test } from 'vitest';

const T = '0af7651916cd43dd8448eb211c80319c';
const U = '1af7651916cd43dd8448eb211c80319c';
const S = 'b7ad6b7169203331';
const R = 'a7ad6b7169203331';
const w3c = new W3CTraceContextPropagator();
const b3 = new B3Propagator();
const jaeger = new JaegerPropagator();
const baggage = new W3CBaggagePropagator();
const xray = new XRayPropagator();

function extract(list: TextMapPropagator[], carrier: unknown, context: Context = ROOT_CONTEXT): Context {
  return new CompositePropagator({ extract: list, inject: [] }).extract(context, carrier);
}

const traceparent = `00-${T}-${S}-01`;
const throwing: TextMapPropagator = {
  extract() {
    throw new Error('SECRET');
  },
  inject() {
    throw new Error('SECRET');
  },
  fields() {
    throw new Error('SECRET');
  },
};

describe('extract', () => {
  it('continues the first configured format when two name different traces, and records the other', () => {
    const carrier = { traceparent, b3: `${U}-${S}-0` };
    const context = extract([w3c, b3], carrier);
    expect(trace.getSpanContext(context)?.traceId).toBe(T);
    expect(conflictingSpanContexts(context)).toEqual([
      { traceId: U, spanId: S, traceFlags: 0, isRemote: true },
    ]);
    const reversed = extract([b3, w3c], carrier);
    expect(trace.getSpanContext(reversed)?.traceId).toBe(U);
    expect(conflictingSpanContexts(reversed).map(({ traceId }) => traceId)).toEqual([T]);
    const key = createContextKey('Throughline conflicting span contexts');
    expect(reversed.getValue(key)).toBe(conflictingSpanContexts(reversed));
  });

  it('merges two formats that name the same trace: tracestate and random flag are kept', () => {
    const carrier = { b3: `${T}-${R}-1`, traceparent: `00-${T}-${S}-03`, tracestate: 'a=1' };
    const context = extract([b3, w3c], carrier);
    const spanContext = trace.getSpanContext(context);
    expect(spanContext).toMatchObject({ traceId: T, spanId: R, traceFlags: 3, isRemote: true });
    expect(spanContext?.traceState?.serialize()).toBe('a=1');
    expect(conflictingSpanContexts(context)).toEqual([]);
  });

  it('lets the same trace in another format decide what the first left open', () => {
    const undecided = { b3: `${T}-${S}`, traceparent: `00-${T}-${S}-00` };
    const context = extract([b3, w3c], undecided);
    expect(trace.getSpanContext(context)?.traceFlags).toBe(0);
    expect(isSamplingDeferred(context)).toBe(false);
    const open = extract([b3, xray], {
      b3: `${T}-${S}`,
      'x-amzn-trace-id': `Root=1-${T.slice(0, 8)}-${T.slice(8)}`,
    });
    expect(isSamplingDeferred(open)).toBe(true);
  });

  it('keeps debug and Lineage of the same trace', () => {
    const carrier = {
      traceparent,
      b3: `${T}-${S}-d`,
      'x-amzn-trace-id': `Root=1-${T.slice(0, 8)}-${T.slice(8)};Parent=${S};Sampled=1;Lineage=1:a`,
    };
    const context = extract([w3c, b3, xray], carrier);
    const out: Record<string, string> = {};
    b3.inject(context, out);
    xray.inject(context, out);
    expect(out.b3).toBe(`${T}-${S}-d`);
    expect(out['x-amzn-trace-id']).toContain(';Lineage=1:a');
  });

  it('does not let debug overrule the first format’s refusal', () => {
    const context = extract([w3c, b3], { traceparent: `00-${T}-${S}-00`, b3: `${T}-${S}-d` });
    const out: Record<string, string> = {};
    b3.inject(context, out);
    expect(out.b3).toBe(`${T}-${S}-0`);
  });

  test.each<[string, TextMapPropagator[], Record<string, string>]>([
    ['b3 after W3C', [w3c, b3], { traceparent, b3: 'junk' }],
    ['b3 before W3C', [b3, w3c], { traceparent, b3: 'junk' }],
    ['jaeger after W3C (§5 40)', [w3c, jaeger], { traceparent, 'uber-trace-id': 'zzz:yyy:0:1' }],
    ['W3C before b3', [w3c, b3], { traceparent: 'junk', b3: `${T}-${S}-1` }],
    ['a throwing propagator before', [throwing, w3c], { traceparent }],
    ['a throwing propagator after', [w3c, throwing], { traceparent }],
    [
      'a propagator that returns nothing',
      [{ ...throwing, extract: () => undefined as never }, w3c],
      { traceparent },
    ],
  ])('one malformed format hides nothing: %s', (_, list, carrier) => {
    const context = extract(list, carrier);
    expect(trace.getSpanContext(context)).toMatchObject({ traceId: T, spanId: S, traceFlags: 1 });
    expect(conflictingSpanContexts(context)).toEqual([]);
  });

  it('a bare "do not record" counts only when no format names a trace', () => {
    const both = extract([b3, w3c], { traceparent, b3: '0' });
    expect(trace.getSpanContext(both)).toMatchObject({ traceId: T, traceFlags: 1 });
    expect(conflictingSpanContexts(both)).toEqual([]);
    expect(trace.getSpanContext(extract([b3, w3c], { b3: '0' }))?.traceFlags).toBe(0);
  });

  it('merges baggage, the first format wins', () => {
    const carrier = { baggage: 'a=1,b=2', 'uberctx-b': '3', 'uberctx-c': '4' };
    for (const [list, b] of [
      [[baggage, jaeger], '2'],
      [[jaeger, baggage], '3'],
    ] as const) {
      const merged = propagation.getBaggage(extract([...list], carrier));
      expect(merged?.getEntry('a')?.value).toBe('1');
      expect(merged?.getEntry('b')?.value).toBe(b);
      expect(merged?.getEntry('c')?.value).toBe('4');
    }
  });

  it('returns the very context when nothing was found', () => {
    expect(extract([w3c, b3, baggage], {})).toBe(ROOT_CONTEXT);
    expect(extract([], { traceparent })).toBe(ROOT_CONTEXT);
  });

  it('forgets what an outer extraction recorded', () => {
    const outer = extract([w3c, b3], { traceparent, b3: `${U}-${S}-0` });
    expect(conflictingSpanContexts(extract([w3c, b3], { traceparent }, outer))).toEqual([]);
  });

  it('keeps other values that a propagator stores, and ignores an invalid span it sets', () => {
    const key = Symbol('vendor');
    const vendor: TextMapPropagator = {
      ...throwing,
      extract: (context) =>
        trace.setSpanContext(context.setValue(key, 1), { traceId: 'bad', spanId: 'bad', traceFlags: 1 }),
    };
    for (const list of [
      [w3c, vendor],
      [vendor, w3c],
    ]) {
      const context = extract(list, { traceparent });
      expect(context.getValue(key)).toBe(1);
      expect(trace.getSpanContext(context)?.traceId).toBe(T);
    }
  });

  it('the recorded span contexts serve as links', () => {
    const exporter = new InMemorySpanExporter();
    const provider = new TracerProvider({
      sampler: new AlwaysOnSampler(),
      spanProcessors: [new SimpleSpanProcessor({ exporter })],
    });
    const parent = extract([w3c, b3], { traceparent, b3: `${U}-${S}-1` });
    const links = conflictingSpanContexts(parent).map((context) => ({ context }));
    provider.getTracer('t').startSpan('server', { links }, parent).end();
    expect(exporter.getFinishedSpans()[0]?.links[0]?.context.traceId).toBe(U);
  });
});

describe('inject', () => {
  const context = w3c.extract(ROOT_CONTEXT, { traceparent });

  it('isolates a propagator that throws', () => {
    const out = {};
    new CompositePropagator({ extract: [], inject: [throwing, w3c] }).inject(context, out);
    expect(out).toEqual({ traceparent });
  });

  it('names every field once', () => {
    const composite = new CompositePropagator({
      extract: [],
      inject: [w3c, throwing, b3, baggage, w3c, new B3Propagator()],
    });
    expect(composite.fields()).toEqual(['traceparent', 'tracestate', 'b3', 'baggage']);
  });
});

describe('diagnostics', () => {
  afterEach(() => diag.disable());

  it('P13 reports a throwing propagator once, without the error’s text', () => {
    const messages: string[] = [];
    const log = (message: string, ...rest: unknown[]) => messages.push([message, ...rest].join(' '));
    diag.setLogger({ error: log, warn: log, info: log, debug: log, verbose: log }, DiagLogLevel.ALL);
    messages.length = 0;
    const composite = new CompositePropagator({ extract: [throwing, w3c], inject: [throwing] });
    for (let i = 0; i < 100; i++) {
      composite.extract(ROOT_CONTEXT, { traceparent });
      composite.inject(ROOT_CONTEXT, {});
    }
    expect(messages).toEqual(['[throughline/propagators] Object.extract() threw; its format is left out']);
  });
});

test.each([
  [undefined, 'options.extract must be an array of propagators, got undefined'],
  [{ extract: [] }, 'options.inject must be an array of propagators, got undefined'],
  [{ extract: [{}], inject: [] }, 'options.extract[0] must have extract() and inject(), got object'],
  [{ extract: [], inject: [null] }, 'options.inject[0] must have extract() and inject(), got null'],
])('set-up mistakes throw: %o', (options, message) => {
  expect(() => new CompositePropagator(options as never)).toThrow(
    `[throughline/propagators] CompositePropagator: ${message}`,
  );
});
