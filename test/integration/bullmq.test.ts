import { once } from 'node:events';
import { context, propagation, SpanStatusCode, trace } from '@opentelemetry/api';
import { createTelemetry, traceFlowProducer, traceProcessor } from '@throughline/messaging/bullmq';
import { createSpanCollector, type RecordedSpan } from '@throughline/testing';
import { FlowProducer, type Job, Queue, Worker } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sdk3 } from '../conformance/sdk3.ts';
import { redis } from './services/redis.ts';
import { urlVariable } from './services/service.ts';

const url = process.env[urlVariable(redis)];
const missing = url === undefined ? `${urlVariable(redis)} is not set` : undefined;

const spans = createSpanCollector();
const idOf = (span: RecordedSpan) => span.spanContext().spanId;
const traceOf = (span: RecordedSpan) => span.spanContext().traceId;
const parentOf = (span: RecordedSpan) => span.parentSpanContext?.spanId;
const linksOf = (span: RecordedSpan) => span.links.map((link) => link.context.spanId);

describe(`BullMQ: what is special about jobs${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  const { hostname: host, port } = new URL(url ?? 'redis://127.0.0.1:6379');
  const connection = { host, port: Number(port) };
  const telemetry = createTelemetry();
  const open: { close(): Promise<unknown> }[] = [];
  let order = 0;
  let name = '';

  beforeAll(() => {
    trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [spans] }));
    context.setGlobalContextManager(sdk3.createContextManager().enable());
    propagation.setGlobalPropagator(sdk3.createPropagator());
  });
  afterAll(() => {
    for (const api of [trace, context, propagation]) api.disable();
  });
  beforeEach(() => {
    name = `tl-bullmq-${process.pid}-${++order}`;
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one.close()));
    spans.assertClean();
  });

  const opened = <C extends { close(): Promise<unknown> }>(one: C): C => {
    open.push(one);
    return one;
  };
  const queue = () => opened(new Queue(name, { connection, telemetry }));
  const work = (processor: (job: Job) => Promise<unknown>, on = name) =>
    opened(new Worker(on, processor, { connection, telemetry }));
  const take = (operation: string, on = name) =>
    spans.take((span) => span.name === `${operation} ${on}`, 5_000);
  const inRequest = <T>(fn: () => Promise<T>): Promise<T> =>
    trace.getTracer('test').startActiveSpan('request', async (span) => {
      try {
        return await fn();
      } finally {
        span.end();
      }
    });
  const request = () => spans.take((span) => span.name === 'request');

  it.skipIf(missing)('continues the trace of a delayed job', async () => {
    work(async () => {});
    await inRequest(() => queue().add('later', 1, { delay: 50 }));
    const [caller, add, processed] = [await request(), await take('add'), await take('process')];
    expect(parentOf(add)).toBe(idOf(caller));
    expect(parentOf(processed)).toBe(idOf(add));
    expect(linksOf(await take('complete'))).toEqual([idOf(add)]);
  });

  it.skipIf(missing)('makes siblings of the attempts of a job, with and without back-off', async () => {
    work(async ({ attemptsMade }) => {
      if (attemptsMade < 2) throw new Error('full');
    });
    const backoff = { type: 'custom' };
    const worker = open.at(-1) as Worker;
    worker.opts.settings = { backoffStrategy: (made: number) => (made === 1 ? 0 : 20) };
    await queue().add('again', 1, { attempts: 3, backoff });
    const add = await take('add');
    const attempts = [await take('process'), await take('process'), await take('process')];
    expect(attempts.map(parentOf)).toEqual(Array(3).fill(idOf(add)));
    expect(attempts.map(({ status }) => status.code === SpanStatusCode.ERROR)).toEqual([true, true, false]);
    expect(attempts.map(({ attributes }) => attributes['bullmq.job.attempts.made'])).toEqual([1, 2, 3]);
    for (const operation of ['retry', 'delay', 'complete'])
      expect(linksOf(await take(operation))).toEqual([idOf(add)]);
  });

  it.skipIf(missing)('starts a trace for each job of a scheduler, linked to the first', async () => {
    const scheduling = queue();
    await inRequest(() => scheduling.upsertJobScheduler('tick', { every: 30, limit: 3 }, { name: 'tick' }));
    const caller = await request();
    const setUp = await take('add');
    expect(parentOf(setUp)).toBe(idOf(caller));
    work(async () => {});
    const jobs = [await take('process'), await take('process'), await take('process')];
    for (const job of jobs) {
      expect(job.parentSpanContext).toBeUndefined();
      expect(linksOf(job)).toEqual([idOf(setUp)]);
      await take('complete');
    }
    expect(new Set([caller, ...jobs].map(traceOf)).size).toBe(4);
    for (const next of [await take('add'), await take('add')])
      expect(next.parentSpanContext, 'the next job is of nobody’s trace').toBeUndefined();
  });

  it.skipIf(missing)('gives each job of a flow a context of its own, if it has opts', async () => {
    const children = `${name}-child`;
    work(async () => {});
    work(async () => {}, children);
    const flows = opened(new FlowProducer({ connection, telemetry }));
    const opts = {};
    await inRequest(() =>
      flows.add({
        name: 'parent',
        queueName: name,
        opts,
        children: [{ name: 'child', queueName: children, opts }],
      }),
    );
    const [caller, flow] = [await request(), await take('addFlow')];
    const [parent, child] = [await take('addNode'), await take('addNode', children)];
    expect(parentOf(flow)).toBe(idOf(caller));
    expect(parentOf(parent)).toBe(idOf(flow));
    expect(parentOf(await take('process'))).toBe(idOf(parent));
    expect(parentOf(await take('process', children))).toBe(idOf(child));
    await take('complete');
    await take('complete', children);
  });

  it.skipIf(missing).each(['add', 'addBulk'] as const)(
    'gives each job of a flow without opts a context of its own, added by %s of a traced producer',
    async (how) => {
      const children = `${name}-child`;
      work(async () => {});
      work(async () => {}, children);
      const flows = traceFlowProducer(opened(new FlowProducer({ connection, telemetry })));
      const flow = { name: 'parent', queueName: name, children: [{ name: 'child', queueName: children }] };
      const given = structuredClone(flow);
      await (how === 'add' ? flows.add(given) : flows.addBulk([given]));
      expect(given).toEqual(flow);
      const [parent, child] = [await take('addNode'), await take('addNode', children)];
      expect(parentOf(await take('process'))).toBe(idOf(parent));
      expect(parentOf(await take('process', children))).toBe(idOf(child));
      await take('complete');
      await take('complete', children);
      await spans.take((span) => span.name.startsWith('add'));
    },
  );

  it.skipIf(missing)('processes a job that was fetched by hand in its trace', async () => {
    await queue().add('by hand', 1);
    const add = await take('add');
    const worker = opened(new Worker(name, null, { connection, telemetry }));
    const job = (await worker.getNextJob('token')) as Job;
    await traceProcessor((fetched: Job) => fetched.moveToCompleted('done', 'token', false))(job);
    expect(linksOf(await take('getNextJob'))).toEqual([idOf(add)]);
    const processed = await take('process');
    expect(parentOf(processed)).toBe(idOf(add));
    expect(parentOf(await take('complete'))).toBe(idOf(processed));
  });

  it.skipIf(missing)('keeps jobs out of the trace that the worker was made in', async () => {
    const worker = await inRequest(async () => work(async () => {}));
    await worker.waitUntilReady();
    const bare = opened(new Queue(name, { connection }));
    await bare.add('foreign', 1);
    await once(worker, 'completed');
    expect((await take('process')).parentSpanContext).toBeUndefined();
    await request();
    await take('complete');
  });
});
