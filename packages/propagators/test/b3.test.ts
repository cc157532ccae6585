import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  InMemorySpanExporter,
  ParentBasedSampler,
  type Sampler,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { B3Propagator, isSamplingDeferred, W3CTraceContextPropagator } from '@throughline/propagators';
import { describe, expect, it, test } from 'vitest';

const T = '0af7651916cd43dd8448eb211c80319c';
const T64 = '8448eb211c80319c';
const S = 'b7ad6b7169203331';
const single = new B3Propagator();
const multi = new B3Propagator({ inject: 'multi' });

function out(carrier: unknown, using: B3Propagator = single): Record<string, string> {
  const headers: Record<string, string> = {};
  using.inject(single.extract(ROOT_CONTEXT, carrier), headers);
  return headers;
}

const ids = (trace: string = T, span: string = S) => ({ 'x-b3-traceid': trace, 'x-b3-spanid': span });

describe('in, and out as single', () => {
  test.each<[string, Record<string, unknown>, string | undefined]>([
    ['accept', { b3: `${T}-${S}-1` }, `${T}-${S}-1`],
    ['deny', { b3: `${T}-${S}-0` }, `${T}-${S}-0`],
    ['debug', { b3: `${T}-${S}-d` }, `${T}-${S}-d`],
    ['defer is not deny (§5 30)', { b3: `${T}-${S}` }, `${T}-${S}`],
    ['parent span id read, not sent', { b3: `${T}-${S}-1-${T64}` }, `${T}-${S}-1`],
    ['64-bit padded', { b3: `${T64}-${S}-1` }, `${'0'.repeat(16)}${T64}-${S}-1`],
    ['upper case lowered (§5 35)', { b3: `${T}-${S}-1`.toUpperCase() }, `${T}-${S}-1`],
    ['OWS around', { b3: ` ${T}-${S}-1\t` }, `${T}-${S}-1`],
    ['first of several values', { b3: [`${T}-${S}-0`, `${T}-${S}-1`] }, `${T}-${S}-0`],
    ['first of joined values', { b3: `${T}-${S}-0, ${T}-${S}-1` }, `${T}-${S}-0`],
    ['not anchored in front (§5 33)', { b3: `zzz${T}-${S}-1` }, undefined],
    ['48-hex id (§5 33)', { b3: `${T}${T64}-${S}-1` }, undefined],
    ['31-hex id (§5 33)', { b3: `${T.slice(1)}-${S}-1` }, undefined],
    ['18-hex span (§5 33)', { b3: `${T}-${S}ab-1` }, undefined],
    ['a tail (§5 33)', { b3: `${T}-${S}-1-extra-extra` }, undefined],
    ['malformed parent (§5 33)', { b3: `${T}-${S}-1-extra` }, undefined],
    ['state 01 (§5 33)', { b3: `${T}-${S}-01` }, undefined],
    ['state q (§5 33)', { b3: `${T}-${S}-q` }, undefined],
    ['state true in single (§5 33)', { b3: `${T}-${S}-true` }, undefined],
    ['state left out before the parent', { b3: `${T}-${S}-${T64}` }, `${T}-${S}`],
    ['state left out, parent of zeros', { b3: `${T}-${S}-${'0'.repeat(16)}` }, `${T}-${S}`],
    ['parent of zeros', { b3: `${T}-${S}-0-${'0'.repeat(16)}` }, `${T}-${S}-0`],
    ['parent in upper case', { b3: `${T}-${S}-d-${S.toUpperCase()}` }, `${T}-${S}-d`],
    ['two parents', { b3: `${T}-${S}-${T64}-${T64}` }, undefined],
    ['parent too short', { b3: `${T}-${S}-1-${T64.slice(1)}` }, undefined],
    ['empty state', { b3: `${T}-${S}-` }, undefined],
    ['multi with an empty state', { ...ids(), 'x-b3-sampled': '', 'x-b3-flags': '' }, `${T}-${S}`],
    [
      'multi with a parent of zeros',
      { ...ids(), 'x-b3-sampled': '1', 'x-b3-parentspanid': '0' },
      `${T}-${S}-1`,
    ],
    ['zero trace id', { b3: `${'0'.repeat(32)}-${S}-1` }, undefined],
    ['zero span id', { b3: `${T}-${'0'.repeat(16)}-1` }, undefined],
    ['accept alone names no trace', { b3: '1' }, undefined],
    ['debug alone names no trace', { b3: 'd' }, undefined],
    ['a megabyte', { b3: '-'.repeat(1_000_000) }, undefined],
    ['empty', { b3: '' }, undefined],
    ['multi accept', { ...ids(), 'x-b3-sampled': '1' }, `${T}-${S}-1`],
    ['multi deny', { ...ids(), 'x-b3-sampled': '0' }, `${T}-${S}-0`],
    ['multi defer', ids(), `${T}-${S}`],
    ['multi debug, out as debug (§5 32)', { ...ids(), 'x-b3-flags': '1' }, `${T}-${S}-d`],
    ['multi debug wins over sampled', { ...ids(), 'x-b3-flags': '1', 'x-b3-sampled': '0' }, `${T}-${S}-d`],
    ['multi flags 0 say nothing', { ...ids(), 'x-b3-flags': '0', 'x-b3-sampled': '1' }, `${T}-${S}-1`],
    ['multi legacy true', { ...ids(), 'x-b3-sampled': 'true' }, `${T}-${S}-1`],
    ['multi legacy False (§5 37)', { ...ids(), 'x-b3-sampled': 'False' }, `${T}-${S}-0`],
    ['multi legacy TRUE (§5 37)', { ...ids(), 'x-b3-sampled': 'TRUE' }, `${T}-${S}-1`],
    ['multi unknown sampled', { ...ids(), 'x-b3-sampled': 'yes' }, undefined],
    ['multi upper case (§5 35)', ids(T.toUpperCase(), S.toUpperCase()), `${T}-${S}`],
    ['multi 64-bit', ids(T64), `${'0'.repeat(16)}${T64}-${S}`],
    ['multi without a span id', { 'x-b3-traceid': T, 'x-b3-sampled': '1' }, undefined],
    ['multi without a trace id', { 'x-b3-spanid': S, 'x-b3-sampled': '1' }, undefined],
    ['multi zero id', ids('0'.repeat(32)), undefined],
    [
      'multi in any letter case (§5 39)',
      { 'X-B3-TraceId': T, 'X-B3-SpanId': S, 'X-B3-Sampled': '1' },
      `${T}-${S}-1`,
    ],
    ['single wins over multi', { b3: `${T}-${S}-0`, ...ids(T64, S), 'x-b3-sampled': '1' }, `${T}-${S}-0`],
    ['junk single falls back to multi (§5 34)', { b3: 'junk', ...ids(), 'x-b3-sampled': '1' }, `${T}-${S}-1`],
  ])('%s', (_, carrier, expected) => {
    expect(out(carrier).b3).toBe(expected);
    if (expected === undefined) expect(single.extract(ROOT_CONTEXT, carrier)).toBe(ROOT_CONTEXT);
  });
});

describe('out as multi', () => {
  test.each([
    ['accept', `${T}-${S}-1`, { ...ids(), 'x-b3-sampled': '1' }],
    ['deny', `${T}-${S}-0`, { ...ids(), 'x-b3-sampled': '0' }],
    ['debug without sampled (§5 32)', `${T}-${S}-d`, { ...ids(), 'x-b3-flags': '1' }],
    ['defer', `${T}-${S}`, ids()],
  ])('%s', (_, b3, expected) => {
    expect(out({ b3 }, multi)).toEqual(expected);
  });

  it('takes away the states that an earlier use left', () => {
    const carrier = { 'X-B3-Flags': '1', 'X-B3-Sampled': '1', 'X-B3-TraceId': 'old' };
    multi.inject(single.extract(ROOT_CONTEXT, { b3: `${T}-${S}` }), carrier);
    expect(carrier).toEqual(ids());
  });

  it('names exactly the headers it may write (§5 38)', () => {
    expect(multi.fields()).toEqual(['x-b3-traceid', 'x-b3-spanid', 'x-b3-sampled', 'x-b3-flags']);
    expect(single.fields()).toEqual(['b3']);
  });
});

it('debug does not outlive the extraction that said it (§5 36)', () => {
  const debug = single.extract(ROOT_CONTEXT, { b3: `${T}-${S}-d` });
  const later = single.extract(debug, { b3: `${T}-${S}-0` });
  const headers: Record<string, string> = {};
  single.inject(later, headers);
  expect(headers.b3).toBe(`${T}-${S}-0`);
});

it('does nothing when tracing is suppressed', () => {
  const carrier = {};
  single.inject(suppressTracing(single.extract(ROOT_CONTEXT, { b3: `${T}-${S}-1` })), carrier);
  expect(carrier).toEqual({});
});

describe('under samplers of the SDK', () => {
  function serve(b3: string, sampler: Sampler) {
    const exporter = new InMemorySpanExporter();
    const provider = new TracerProvider({ sampler, spanProcessors: [new SimpleSpanProcessor({ exporter })] });
    const parent = single.extract(ROOT_CONTEXT, { b3 });
    const span = provider.getTracer('test').startSpan('server', {}, parent);
    const headers: Record<string, string> = {};
    const context = trace.setSpan(parent, span);
    single.inject(context, headers);
    new W3CTraceContextPropagator().inject(context, headers);
    span.end();
    return { recorded: span.isRecording() || exporter.getFinishedSpans().length > 0, headers, context };
  }
  const parentBased = new ParentBasedSampler({ root: new AlwaysOnSampler() });

  test.each([
    ['defer is recorded (§5 30)', `${T}-${S}`, true, '1'],
    ['accept', `${T}-${S}-1`, true, '1'],
    ['deny', `${T}-${S}-0`, false, '0'],
    ['debug goes on as debug', `${T}-${S}-d`, true, 'd'],
  ])('%s under ParentBased(AlwaysOn)', (_, b3, recorded, state) => {
    const result = serve(b3, parentBased);
    expect(result.recorded).toBe(recorded);
    expect(result.headers.b3).toMatch(new RegExp(`^${T}-(?!${S})[0-9a-f]{16}-${state}$`));
    expect(result.headers.traceparent).toMatch(
      new RegExp(`^00-${T}-[0-9a-f]{16}-0${state === '0' ? 0 : 1}$`),
    );
  });

  it('b3: 0 is honoured here and told to the next (§5 31)', () => {
    const { recorded, headers } = serve('0', parentBased);
    expect(recorded).toBe(false);
    expect(headers.b3).toMatch(/^[0-9a-f]{32}-[0-9a-f]{16}-0$/);
    expect(headers.traceparent).toMatch(/-00$/);
    const again = serve('0', parentBased);
    expect(again.headers.b3?.slice(0, 32)).not.toBe(headers.b3?.slice(0, 32));
  });

  it('x-b3-sampled: 0 alone is honoured too', () => {
    const context = single.extract(ROOT_CONTEXT, { 'x-b3-sampled': '0' });
    expect(trace.getSpanContext(context)?.traceFlags).toBe(0);
  });

  it('a sampler that asks can let its root rule decide a deferred trace', () => {
    const root: Sampler = new AlwaysOffSampler();
    const on: Sampler = new AlwaysOnSampler();
    const sampler = new ParentBasedSampler({
      root,
      remoteParentSampled: {
        shouldSample: (context, ...rest) =>
          (isSamplingDeferred(context) ? root : on).shouldSample(context, ...rest),
      },
    });
    expect(serve(`${T}-${S}`, sampler).recorded).toBe(false);
    expect(serve(`${T}-${S}-1`, sampler).recorded).toBe(true);
  });

  it('a deferred decision is open until a local span has decided', () => {
    const parent = single.extract(ROOT_CONTEXT, { b3: `${T}-${S}` });
    expect(isSamplingDeferred(parent)).toBe(true);
    expect(isSamplingDeferred(serve(`${T}-${S}`, parentBased).context)).toBe(false);
    expect(isSamplingDeferred(ROOT_CONTEXT)).toBe(false);
  });
});

test('set-up mistakes throw', () => {
  expect(() => new B3Propagator({ inject: 'both' as 'single' })).toThrow(
    "[throughline/propagators] B3Propagator: options.inject must be 'single' or 'multi', got both",
  );
});
