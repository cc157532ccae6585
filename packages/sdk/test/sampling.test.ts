import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Attributes, context, propagation, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api';
import { SamplingDecision, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace';
import { traceContext } from '@throughline/express';
import { type SamplingOptions, startTracing, type Tracing } from '@throughline/sdk';
import { createSpanCollector } from '@throughline/testing';
import express from 'express';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const spans = createSpanCollector();
let tracing: Tracing | undefined;
beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) vi.stubEnv(name, undefined);
  vi.stubEnv('OTEL_TRACES_EXPORTER', 'none');
});
afterEach(async () => {
  await tracing?.shutdown();
  tracing = undefined;
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

function start(sampling?: SamplingOptions): void {
  tracing = startTracing({ serviceName: 'orders', spanProcessors: [spans], ...(sampling && { sampling }) });
}

/** How many of so many new traces are sampled. */
function sampledOf(count: number, name = 'GET', attributes: Attributes = {}): number {
  let sampled = 0;
  for (let i = 0; i < count; i++) {
    const span = trace.getTracer('test').startSpan(name, { attributes }, ROOT_CONTEXT);
    sampled += span.spanContext().traceFlags & TraceFlags.SAMPLED;
    span.end();
  }
  return sampled;
}

function childIsSampled(traceFlags: TraceFlags, isRemote: boolean): boolean {
  const parent = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags, isRemote };
  const span = trace.getTracer('test').startSpan('child', {}, trace.setSpanContext(ROOT_CONTEXT, parent));
  span.end();
  return (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
}

describe('options.sampling', () => {
  it.each([
    [0, 0, 0],
    [0.1, 50, 200],
    [1, 1_000, 1_000],
  ])('ratio %d records that share', (ratio, least, most) => {
    start({ ratio });
    const sampled = sampledOf(1_000);
    expect(sampled).toBeGreaterThanOrEqual(least);
    expect(sampled).toBeLessThanOrEqual(most);
  });

  it.each([true, false])('keeps the decision of a caller, remote or not', (isRemote) => {
    start({ ratio: 0, perSecond: 1 });
    expect(childIsSampled(TraceFlags.SAMPLED, isRemote)).toBe(true);
    tracing?.shutdown();
    start();
    expect(childIsSampled(TraceFlags.NONE, isRemote)).toBe(false);
  });

  it('perSecond lets a burst of that size through, and refills', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    start({ perSecond: 10 });
    expect(sampledOf(100)).toBe(10);
    vi.advanceTimersByTime(500);
    expect(sampledOf(100)).toBe(5);
    vi.advanceTimersByTime(60_000);
    expect(sampledOf(100)).toBe(10);
  });

  it('perSecond below one lets one through each few seconds', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    start({ perSecond: 0.5 });
    expect(sampledOf(10)).toBe(1);
    vi.advanceTimersByTime(1_000);
    expect(sampledOf(10)).toBe(0);
    vi.advanceTimersByTime(1_000);
    expect(sampledOf(10)).toBe(1);
  });

  it.each<[string, string, boolean]>([
    ['/health', '/health', true],
    ['/health', '/health/', true],
    ['/health', '/health/live', false],
    ['/health', '/healthy', false],
    ['/', '/', true],
    ['/', '/health', false],
    ['/users/:id', '/users/7', true],
    ['/users/:id', '/users/:user', true],
    ['/users/:id', '/users', false],
    ['/users/:id', '/users/7/orders', false],
    ['/users/*/orders', '/users/7/orders', true],
    ['/static/*', '/static/a/b.css', true],
    ['/static/*', '/static', true],
    ['/static/*', '/other', false],
    ['/*', '/anything', true],
  ])('route %s, path %s: %s', (route, path, matches) => {
    start({ rules: [{ route, ratio: 0 }] });
    expect(sampledOf(1, 'GET', { 'url.path': path })).toBe(matches ? 0 : 1);
  });

  it('looks at the route before the path, and at nothing when there is neither', () => {
    start({ rules: [{ route: '/users/:id', ratio: 0 }] });
    expect(sampledOf(1, 'GET', { 'http.route': '/other', 'url.path': '/users/7' })).toBe(1);
    expect(sampledOf(1)).toBe(1);
  });

  it('takes the first rule whose conditions all hold', () => {
    start({
      ratio: 0,
      rules: [
        { name: 'job', attributes: { queue: 'mail' }, ratio: 0 },
        { name: 'job', perSecond: 2 },
        { attributes: { 'http.request.method': 'POST' } },
      ],
    });
    expect(sampledOf(5, 'job', { queue: 'mail' })).toBe(0);
    expect(sampledOf(5, 'job', { queue: 'bills' })).toBe(2);
    expect(sampledOf(5, 'GET', { 'http.request.method': 'POST' })).toBe(5);
    expect(sampledOf(5, 'GET', { 'http.request.method': 'GET' })).toBe(0);
  });

  it('finds the path of a real request in time', async () => {
    start({ rules: [{ route: '/health', ratio: 0 }] });
    const app = express();
    app.use(traceContext());
    for (const path of ['/health', '/orders']) app.get(path, (_req, res) => void res.send('ok'));
    const server = createServer(app).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    spans.reset();
    for (const path of ['/health', '/orders']) await (await fetch(url + path)).text();
    expect(await spans.take()).toMatchObject({ name: 'GET /orders' });
    expect(spans.ended()).toEqual([]);
    server.close();
  });
});

describe('a caller that leaves the decision open', () => {
  const ids = Array.from({ length: 1_000 }, (_, i) => createHash('md5').update(String(i)).digest('hex'));
  const xray = (id: string) => `Root=1-${id.slice(0, 8)}-${id.slice(8)}`;
  const FORMATS: readonly [string, (id: string) => Record<string, string>][] = [
    ['b3, without a state', (id) => ({ b3: `${id}-${id.slice(0, 16)}` })],
    [
      'B3 in several fields, without a state',
      (id) => ({ 'x-b3-traceid': id, 'x-b3-spanid': id.slice(0, 16) }),
    ],
    ['X-Ray with a parent', (id) => ({ 'x-amzn-trace-id': `${xray(id)};Parent=${id.slice(0, 16)}` })],
    ['X-Ray that asks', (id) => ({ 'x-amzn-trace-id': `${xray(id)};Parent=${id.slice(0, 16)};Sampled=?` })],
    ['X-Ray with a root only', (id) => ({ 'x-amzn-trace-id': xray(id) })],
  ];
  const sampledIds = (carrier: (id: string) => Record<string, string>, attributes: Attributes = {}) =>
    ids.filter((id) => {
      const parent = propagation.extract(ROOT_CONTEXT, carrier(id));
      // Active, as Throughline has it: a root without a parent gets its trace id from there.
      const span = context.with(parent, () =>
        trace.getTracer('test').startSpan('GET', { attributes }, parent),
      );
      const outgoing: Record<string, string> = {};
      propagation.inject(trace.setSpan(parent, span), outgoing);
      const sampled = (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
      // Everyone further down hears of the decision.
      expect(outgoing.traceparent?.endsWith(sampled ? '1' : '0')).toBe(true);
      span.end();
      return sampled;
    });
  const byRatio = (ratio: number) => {
    const sampler = new TraceIdRatioBasedSampler(ratio);
    return ids.filter(
      (id) => sampler.shouldSample(ROOT_CONTEXT, id).decision !== SamplingDecision.NOT_RECORD,
    );
  };
  beforeEach(() => vi.stubEnv('OTEL_PROPAGATORS', 'tracecontext,b3,xray'));

  describe.each(FORMATS)('in %s', (_, carrier) => {
    it('gets it from options.sampling', () => {
      start({ ratio: 0.01 });
      const share = sampledIds(carrier);
      expect(share.length).toBeLessThan(30);
      expect(share).toEqual(byRatio(0.01));
    });

    it('is bounded by perSecond', () => {
      vi.useFakeTimers({ toFake: ['performance'] });
      start({ perSecond: 10 });
      expect(sampledIds(carrier)).toHaveLength(10);
      vi.advanceTimersByTime(1_000);
      expect(sampledIds(carrier)).toHaveLength(10);
    });

    it('is asked for by the rules', () => {
      start({ rules: [{ route: '/health', ratio: 0 }] });
      expect(sampledIds(carrier, { 'url.path': '/health' })).toHaveLength(0);
      expect(sampledIds(carrier, { 'url.path': '/orders' })).toHaveLength(1_000);
    });

    it.each([
      ['parentbased_traceidratio', 0.01],
      ['traceidratio', 0.01],
      ['parentbased_always_off', 0],
      ['parentbased_always_on', 1],
    ])('gets it from OTEL_TRACES_SAMPLER=%s', (sampler, ratio) => {
      vi.stubEnv('OTEL_TRACES_SAMPLER', sampler);
      if (sampler.endsWith('ratio')) vi.stubEnv('OTEL_TRACES_SAMPLER_ARG', String(ratio));
      start();
      expect(sampledIds(carrier)).toEqual(byRatio(ratio));
    });
  });

  it.each<[string, Record<string, string>, boolean]>([
    ['b3 that accepts', { b3: `${'1'.repeat(32)}-${'2'.repeat(16)}-1` }, true],
    ['b3 that wants it debugged', { b3: `${'1'.repeat(32)}-${'2'.repeat(16)}-d` }, true],
    ['b3 that denies', { b3: `${'1'.repeat(32)}-${'2'.repeat(16)}-0` }, false],
    [
      'X-Ray that accepts',
      { 'x-amzn-trace-id': `${xray('1'.repeat(32))};Parent=${'2'.repeat(16)};Sampled=1` },
      true,
    ],
    [
      'X-Ray that denies',
      { 'x-amzn-trace-id': `${xray('1'.repeat(32))};Parent=${'2'.repeat(16)};Sampled=0` },
      false,
    ],
  ])('and one that decided is obeyed: %s', (_, carrier, sampled) => {
    start({ ratio: sampled ? 0 : 1 });
    const span = trace.getTracer('test').startSpan('GET', {}, propagation.extract(ROOT_CONTEXT, carrier));
    expect((span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0).toBe(sampled);
  });
});

describe('OTEL_TRACES_SAMPLER', () => {
  it.each([
    ['always_on', undefined, 100, true],
    ['always_off', undefined, 0, false],
    ['traceidratio', '0', 0, false],
    ['traceidratio', undefined, 100, true],
    ['parentbased_always_on', undefined, 100, true],
    ['parentbased_always_off', undefined, 0, true],
    ['parentbased_traceidratio', '0', 0, true],
    ['ParentBased_Always_On', undefined, 100, true],
  ])('%s with %s samples %d of 100 roots; a sampled parent: %s', (sampler, arg, roots, child) => {
    vi.stubEnv('OTEL_TRACES_SAMPLER', sampler);
    vi.stubEnv('OTEL_TRACES_SAMPLER_ARG', arg);
    start();
    expect(sampledOf(100)).toBe(roots);
    expect(childIsSampled(TraceFlags.SAMPLED, true)).toBe(child);
  });

  it('gives way to options.sampling', () => {
    vi.stubEnv('OTEL_TRACES_SAMPLER', 'always_off');
    start({ ratio: 1 });
    expect(sampledOf(1)).toBe(1);
  });
});
