import { context, INVALID_SPAN_CONTEXT, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { suppressTracing } from '@opentelemetry/core';
import {
  AlwaysOnSampler,
  ParentBasedSampler,
  RandomIdGenerator,
  type ReadableSpan,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import {
  CompositePropagator,
  conflictingSpanContexts,
  isSamplingDeferred,
  rootTraceId,
  W3CTraceContextPropagator,
  XRayPropagator,
} from '@throughline/propagators';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';

const ROOT = '1-8a3c60f7-d188f8fa79d48a391a778fa6';
const T = '8a3c60f7d188f8fa79d48a391a778fa6';
const S = '53995c3f42cd8ad8';
const propagator = new XRayPropagator();

function through(header: unknown): string | undefined {
  const out: Record<string, string> = {};
  propagator.inject(propagator.extract(ROOT_CONTEXT, { 'X-Amzn-Trace-Id': header }), out);
  return out['x-amzn-trace-id'];
}

const sent = (state: string, parent = S) => `Root=${ROOT};Parent=${parent};Sampled=${state}`;

test.each([
  ['sampled', sent('1'), sent('1')],
  ['not sampled', sent('0'), sent('0')],
  ['Sampled=? is deferred (§5 45)', sent('?'), sent('?')],
  ['no Sampled is deferred (§5 45)', `Root=${ROOT};Parent=${S}`, sent('?')],
  ['Root only is sent on as it came (§5 48)', `Root=${ROOT}`, `Root=${ROOT};Sampled=?`],
  ['Root only, sampled', `Sampled=1;Root=${ROOT}`, `Root=${ROOT};Sampled=1`],
  ['Root only with Lineage', `Root=${ROOT};Lineage=1:a`, `Root=${ROOT};Sampled=?;Lineage=1:a`],
  ['a misspelt Parent', `Root=${ROOT};Parnet=${S};Sampled=1`, `Root=${ROOT};Sampled=1`],
  ['an empty Parent', `Root=${ROOT};Parent=;Sampled=1`, `Root=${ROOT};Sampled=1`],
  ['an empty Sampled is none', `Root=${ROOT};Parent=${S};Sampled=`, sent('?')],
  ['any order', `Sampled=1;Parent=${S};Root=${ROOT}`, sent('1')],
  ['any letter case of names', `root=${ROOT};PARENT=${S};sAmpled=1`, sent('1')],
  ['spaces around = and ; (§5 47)', ` Root = ${ROOT} ; Parent = ${S} ; Sampled = 1 `, sent('1')],
  ['upper-case ids (§5 46)', sent('1').replace(T.slice(8), T.slice(8).toUpperCase()), sent('1')],
  ['Self ignored', `Self=1-00000000-000000000000000000000001;${sent('1')}`, sent('1')],
  [
    'Lineage kept (§5 48)',
    `${sent('1')};Lineage=a87bd80c:1|68fd508a:5`,
    `${sent('1')};Lineage=a87bd80c:1|68fd508a:5`,
  ],
  ['Lineage that is none', `${sent('1')};Lineage=a\r\nb`, sent('1')],
  ['unknown fields', `${sent('1')};Custom=1;novalue`, sent('1')],
  ['similar names are not the names (§5 47)', `Rootx=${ROOT};Parentage=${S};Sampledness=1`, undefined],
  ['no Root', `Parent=${S};Sampled=1`, undefined],
  ['version 2', sent('1').replace('=1-', '=2-'), undefined],
  ['Root too short', `Root=${ROOT.slice(0, -1)}`, undefined],
  ['Root not hex', `Root=${ROOT.slice(0, -1)}g`, undefined],
  ['zero Root', 'Root=1-00000000-000000000000000000000000', undefined],
  ['a Parent of zeros is none', sent('1', '0'.repeat(16)), `Root=${ROOT};Sampled=1`],
  ['a malformed Parent', sent('1', 'q'.repeat(16)), undefined],
  ['Parent too long', sent('1', `${S}a`), undefined],
  ['unknown state', sent('2'), undefined],
  ['first of joined values', `${sent('1')}, ${sent('0')}`, sent('1')],
  ['first of several values', [sent('1'), sent('0')], sent('1')],
  ['a megabyte', ';'.repeat(1_000_000), undefined],
  ['empty', '', undefined],
])('%s', (_, header, expected) => {
  expect(through(header)).toBe(expected);
  if (expected === undefined) {
    expect(propagator.extract(ROOT_CONTEXT, { 'x-amzn-trace-id': header })).toBe(ROOT_CONTEXT);
  }
});

describe('with spans of the SDK', () => {
  const tracer = new TracerProvider({
    sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
  }).getTracer('t');

  it('records a deferred trace, says so, and sends Lineage on', () => {
    const parent = propagator.extract(ROOT_CONTEXT, {
      'x-amzn-trace-id': `Root=${ROOT};Parent=${S};Lineage=1:a`,
    });
    expect(isSamplingDeferred(parent)).toBe(true);
    const span = tracer.startSpan('server', {}, parent);
    expect(span.isRecording()).toBe(true);
    const out: Record<string, string> = {};
    propagator.inject(trace.setSpan(parent, span), out);
    expect(out['x-amzn-trace-id']).toBe(
      `Root=${ROOT};Parent=${span.spanContext().spanId};Sampled=1;Lineage=1:a`,
    );
  });

  describe.each([
    ['Root only', `Root=${ROOT};Lineage=1:a`],
    ['a misspelt Parent', `Root=${ROOT};Parnet=${S};Lineage=1:a`],
    ['a Parent of zeros', `Root=${ROOT};Parent=0000000000000000;Lineage=1:a`],
  ])('%s', (_, header) => {
    const random = new RandomIdGenerator();
    const asking = new TracerProvider({
      sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
      idGenerator: {
        generateTraceId: () => rootTraceId(context.active()) ?? random.generateTraceId(),
        generateSpanId: () => random.generateSpanId(),
      },
    }).getTracer('t');
    const received = propagator.extract(ROOT_CONTEXT, { 'x-amzn-trace-id': header });
    beforeAll(() => void context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()));
    afterAll(() => context.disable());

    it('invents no parent, no link and no conflict', () => {
      expect(trace.getSpanContext(received)).toBeUndefined();
      expect(isSamplingDeferred(received)).toBe(false);
      const composite = new CompositePropagator({
        extract: [new W3CTraceContextPropagator(), propagator],
        inject: [],
      });
      const both = { traceparent: `00-${'1'.repeat(32)}-${S}-01`, 'x-amzn-trace-id': header };
      const found = composite.extract(ROOT_CONTEXT, both);
      expect(trace.getSpanContext(found)?.traceId).toBe('1'.repeat(32));
      expect(conflictingSpanContexts(found)).toEqual([]);
    });

    it('the root here has the trace id where the id generator asks, and further roots have their own', () => {
      const span = context.with(received, () => asking.startSpan('server', {}, received)) as Span &
        ReadableSpan;
      expect(span.parentSpanContext).toBeUndefined();
      expect(span.spanContext().traceId).toBe(T);
      const active = trace.setSpan(received, span);
      const other = context.with(active, () => asking.startSpan('job', { root: true }));
      expect(other.spanContext().traceId).not.toBe(T);
      const out: Record<string, string> = {};
      propagator.inject(active, out);
      expect(out['x-amzn-trace-id']).toBe(
        `Root=${ROOT};Parent=${span.spanContext().spanId};Sampled=1;Lineage=1:a`,
      );
      propagator.inject(trace.setSpan(received, other), out);
      expect(out['x-amzn-trace-id']).not.toContain('Lineage');
    });

    it('a root of an SDK that does not ask has a trace id of its own', () => {
      const span = tracer.startSpan('server', {}, received) as Span & ReadableSpan;
      expect(span.parentSpanContext).toBeUndefined();
      expect(span.spanContext().traceId).not.toBe(T);
    });
  });

  it('a root that is not to be recorded is not, and keeps its trace id', () => {
    const received = propagator.extract(ROOT_CONTEXT, { 'x-amzn-trace-id': `Root=${ROOT};Sampled=0` });
    const span = tracer.startSpan('server', {}, received);
    expect(span.isRecording()).toBe(false);
    expect(span.spanContext().traceId).toBe(T);
  });

  it('never puts Lineage or tracestate of one trace on another (§5 49)', () => {
    const w3c = new W3CTraceContextPropagator();
    const first = w3c.extract(ROOT_CONTEXT, {
      traceparent: `00-${'1'.repeat(32)}-${S}-01`,
      tracestate: 'a=1',
    });
    const second = propagator.extract(first, { 'x-amzn-trace-id': sent('1') });
    expect(trace.getSpanContext(second)).toEqual({ traceId: T, spanId: S, traceFlags: 1, isRemote: true });
    const lineage = propagator.extract(ROOT_CONTEXT, { 'x-amzn-trace-id': `${sent('1')};Lineage=1:a` });
    const out: Record<string, string> = {};
    propagator.inject(trace.setSpan(lineage, tracer.startSpan('root', { root: true }, lineage)), out);
    expect(out['x-amzn-trace-id']).not.toContain('Lineage');
  });
});

test.each([
  ['suppressed (§5 49)', suppressTracing(propagator.extract(ROOT_CONTEXT, { 'x-amzn-trace-id': sent('1') }))],
  ['invalid', trace.setSpanContext(ROOT_CONTEXT, INVALID_SPAN_CONTEXT)],
])('writes nothing when %s', (_, source) => {
  const carrier = {};
  propagator.inject(source, carrier);
  expect(carrier).toEqual({});
});

test('names exactly the header it may write', () => {
  expect(propagator.fields()).toEqual(['x-amzn-trace-id']);
});
