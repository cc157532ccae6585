import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { createTelemetry, traceProcessor } from '@throughline/messaging/bullmq';
import { createSpanCollector, type RecordedSpan } from '@throughline/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { FakeBullMQ, type FakeJob } from './fake-bullmq.ts';

const spans = createSpanCollector();
let bullmq: FakeBullMQ;

beforeEach(() => {
  trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
  bullmq = new FakeBullMQ(createTelemetry());
});

afterEach(() => {
  spans.assertClean();
  for (const api of [trace, context, propagation]) api.disable();
});

const named = (name: string) => spans.take((span) => span.name === name);
const parentOf = (span: RecordedSpan) => span.parentSpanContext?.spanId;
const linksOf = (span: RecordedSpan) => span.links.map((link) => link.context.spanId);
const idOf = (span: RecordedSpan) => span.spanContext().spanId;
const traceOf = (span: RecordedSpan) => span.spanContext().traceId;

describe('adding', () => {
  it('names queue and job and tells nothing of the data', async () => {
    await bullmq.add('welcome', { secret: 1 });
    const span = await named('add mail');
    expect(span.kind).toBe(SpanKind.PRODUCER);
    expect(span.attributes).toEqual({
      'messaging.system.name': 'bullmq',
      'messaging.operation.name': 'add',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'mail',
      'messaging.message.id': '1',
      'bullmq.job.name': 'welcome',
    });
  });

  it('gives all jobs of a bulk the context of the one span', async () => {
    const jobs = await bullmq.addBulk(['a', 'b']);
    const span = await named('addBulk mail');
    expect(span.attributes['messaging.batch.message_count']).toBe(2);
    for (const { opts } of jobs) expect(opts.telemetry?.metadata).toContain(idOf(span));
  });

  it('fails with what Redis answered', async () => {
    bullmq.failure = new TypeError('no');
    await expect(bullmq.add('welcome', 1)).rejects.toBe(bullmq.failure);
    expect(await named('add mail')).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'error.type': 'TypeError' },
    });
  });

  it('creates the jobs of a flow inside the span that adds them, each with a context of its own', async () => {
    await bullmq.addFlow('parent', 'child');
    const [child, parent] = await spans.takeMany(2, ({ name }) => name === 'addNode mail');
    const flow = await named('addFlow mail');
    expect(flow.kind).toBe(SpanKind.CLIENT);
    for (const [node, around] of [
      [parent, flow],
      [child, parent],
    ] as [RecordedSpan, RecordedSpan][]) {
      expect(node).toMatchObject({
        kind: SpanKind.PRODUCER,
        attributes: { 'messaging.operation.type': 'create' },
      });
      expect(parentOf(node)).toBe(idOf(around));
    }
    expect(bullmq.jobs.map(({ opts }) => opts.telemetry?.metadata)).toEqual([
      expect.stringContaining(idOf(child as RecordedSpan)),
      expect.stringContaining(idOf(parent as RecordedSpan)),
    ]);
  });

  it('leaves the context out of a job that is added with omitContext', async () => {
    const job = await bullmq.add('welcome', 1, { telemetry: { omitContext: true } });
    expect(job.opts.telemetry).toEqual({ omitContext: true });
    await named('add mail');
  });

  it('makes no span of upkeep', async () => {
    await bullmq.updateJobProgress({ secret: 1 });
    expect(spans.ended()).toEqual([]);
  });
});

describe('processing', () => {
  it('tells of the job from the start of the span and never of its result', async () => {
    bullmq.process(() => ({ secret: 1 }));
    await bullmq.add('welcome', 1);
    const send = await named('add mail');
    const complete = await named('complete mail');
    const process = await named('process mail');
    expect(process).toMatchObject({ kind: SpanKind.CONSUMER, events: [] });
    expect(process.attributes).toEqual({
      'messaging.system.name': 'bullmq',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'mail',
      'messaging.client.id': 'w1',
      'messaging.message.id': '1',
      'bullmq.job.name': 'welcome',
      'bullmq.job.attempts.made': 0,
    });
    expect(complete).toMatchObject({
      kind: SpanKind.CLIENT,
      attributes: { 'messaging.operation.type': 'settle', 'messaging.message.id': '1' },
    });
    expect(linksOf(complete)).toEqual([idOf(send)]);
    expect(parentOf(complete)).toBe(idOf(process));
  });

  it('shows the job to the sampler', async () => {
    const seen: unknown[] = [];
    const sampler = {
      shouldSample: (...[, , name, , attributes]: unknown[]) => {
        seen.push({ name, ...(attributes as object) });
        return { decision: 0 as const };
      },
      toString: () => 'noting sampler',
    };
    const tracerProvider = sdk3.createTracerProvider({ spanProcessors: [spans], sampler });
    bullmq = new FakeBullMQ(createTelemetry({ tracerProvider, ignore: ({ type }) => type === 'settle' }));
    bullmq.plant('welcome', 1);
    await new Promise<void>((processed) => bullmq.process(() => processed()));
    expect(seen).toEqual([
      expect.objectContaining({
        name: 'process mail',
        'messaging.message.id': '1',
        'bullmq.job.name': 'welcome',
      }),
    ]);
  });

  it.each([
    ['is over when the job completes after all', 'job completed', SpanStatusCode.UNSET],
    ['fails the span when it was the last word', 'something else', SpanStatusCode.ERROR],
  ])('knows that trouble with Redis %s', async (_what, event, code) => {
    const { tracer, contextManager } = createTelemetry();
    const span = tracer.startSpan('process mail', { kind: SpanKind.CONSUMER });
    span.setAttribute('bullmq.queue.name', 'mail');
    await contextManager.with(span.setSpanOnContext(contextManager.active()), async () => {
      span.recordException('read ECONNRESET');
      span.addEvent(event, { 'bullmq.job.result': '"secret"' });
    });
    span.end();
    expect(JSON.stringify((await named('process mail')).status)).toBe(JSON.stringify({ code }));
  });

  it('makes siblings of the attempts of a job, failed ones with an error', async () => {
    let attempt = 0;
    bullmq.process(() => {
      if (++attempt === 1) throw new RangeError('full');
    });
    await bullmq.add('welcome', 1, { attempts: 2 });
    const send = await named('add mail');
    const first = await named('process mail');
    const second = await named('process mail');
    for (const span of [first, second]) expect(parentOf(span)).toBe(idOf(send));
    expect(first).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      events: [{ name: 'exception', attributes: { 'exception.message': 'full' } }],
    });
    expect(second.status.code).toBe(SpanStatusCode.UNSET);
    await named('retry mail');
    await named('complete mail');
  });

  it('starts a trace for each job of a scheduler, linked to where that was set up', async () => {
    bullmq.process(() => {});
    await bullmq.add('nightly', 1, {}, 'repeat:nightly:1700000000000');
    const send = await named('add mail');
    const process = await named('process mail');
    expect(process.parentSpanContext).toBeUndefined();
    expect(traceOf(process)).not.toBe(traceOf(send));
    expect(linksOf(process)).toEqual([idOf(send)]);
    await named('complete mail');
  });

  it('obeys an explicit relation for the jobs of a scheduler too', async () => {
    bullmq = new FakeBullMQ(createTelemetry({ relation: 'parent' }));
    bullmq.process(() => {});
    await bullmq.add('nightly', 1, {}, 'repeat:nightly:1700000000000');
    const send = await named('add mail');
    expect(parentOf(await named('process mail'))).toBe(idOf(send));
    await named('complete mail');
  });

  it.each(['{', '7', 'null', '"text"', '[]', '{"traceparent":7}'])(
    'starts a trace for a job whose metadata is %s',
    async (metadata) => {
      bullmq.process(() => {});
      bullmq.plant('welcome', 1, { telemetry: { metadata } });
      expect(await named('process mail')).toMatchObject({ parentSpanContext: undefined, links: [] });
      await named('complete mail');
    },
  );

  it('has no context of the past in loops that BullMQ starts afresh', async () => {
    const { contextManager } = createTelemetry();
    await trace.getTracer('test').startActiveSpan('request', async (span) => {
      const seen = contextManager.with(contextManager.root(), () => trace.getActiveSpan());
      expect(seen).toBeUndefined();
      span.end();
    });
    await named('request');
  });
});

describe('fetching by hand', () => {
  it('receives the job and processes it with traceProcessor, counted once', async () => {
    await bullmq.add('welcome', 1);
    const send = await named('add mail');
    const job = (await bullmq.getNextJob()) as FakeJob;
    expect(await named('getNextJob mail')).toMatchObject({
      kind: SpanKind.CLIENT,
      attributes: { 'messaging.operation.type': 'receive', 'messaging.message.id': '1' },
      links: [{ context: { spanId: idOf(send) } }],
    });
    expect(traceProcessor((got: FakeJob, token: string) => [got.data, token])(job, 'token')).toEqual([
      1,
      'token',
    ]);
    expect(parentOf(await named('process mail'))).toBe(idOf(send));
  });

  it('is a receive of nothing when there is no job', async () => {
    expect(await bullmq.getNextJob()).toBeUndefined();
    expect((await named('getNextJob mail')).links).toEqual([]);
  });
});

it('refuses wrong options when it is made', () => {
  expect(() => createTelemetry({ maxAge: 'long' as never })).toThrow(
    "[throughline/messaging] createTelemetry(): options.maxAge must be a number of milliseconds, got string 'long'",
  );
});
