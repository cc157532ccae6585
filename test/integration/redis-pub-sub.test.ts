import { once } from 'node:events';
import { context, propagation, trace } from '@opentelemetry/api';
import * as ioredis from '@throughline/messaging/ioredis';
import * as nodeRedis from '@throughline/messaging/redis';
import { createSpanCollector, type RecordedSpan } from '@throughline/testing';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { sdk3 } from '../conformance/sdk3.ts';
import { redis } from './services/redis.ts';
import { urlVariable } from './services/service.ts';

const url = process.env[urlVariable(redis)] ?? '';
const missing = url === '' ? `${urlVariable(redis)} is not set` : undefined;
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;

const spans = createSpanCollector();
const envelope = { envelope: true };
const open: (() => unknown)[] = [];

beforeAll(() => {
  trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
});
afterEach(() => {
  for (const close of open.splice(0)) close();
  spans.assertClean();
});
afterAll(() => {
  for (const api of [trace, context, propagation]) api.disable();
});

function connectIORedis(): Redis {
  const client = ioredis.traceClient(new Redis(url), envelope);
  open.push(() => client.disconnect());
  return client;
}

async function connectNodeRedis() {
  const client = nodeRedis.traceClient(await createClient({ url }).connect(), envelope);
  open.push(() => client.destroy());
  return client;
}

const span = (name: string): Promise<RecordedSpan> => spans.take((one) => one.name === name);

it.skipIf(missing)(`goes from ioredis to node-redis in an envelope${skipped}`, async () => {
  const subscriber = await connectNodeRedis();
  const got: unknown[] = [];
  const arrived = new Promise<void>((resolve) => {
    void subscriber.subscribe('tl-news', (...args) => {
      got.push(...args);
      resolve();
    });
  });
  const publisher = connectIORedis();
  while ((await publisher.call('PUBSUB', 'NUMSUB', 'tl-news').then(String)) !== 'tl-news,1');
  await publisher.publish('tl-news', 'hello');
  await arrived;
  expect(got).toEqual(['hello', 'tl-news']);
  const published = await span('publish tl-news');
  expect((await span('process tl-news')).parentSpanContext?.spanId).toBe(published.spanContext().spanId);
});

it.skipIf(missing)(`goes from node-redis to ioredis in an envelope, by pattern${skipped}`, async () => {
  const subscriber = connectIORedis();
  await subscriber.psubscribe('tl-u*');
  const publisher = await connectNodeRedis();
  const arrived = once(subscriber, 'pmessage');
  subscriber.on('pmessage', () => {});
  await publisher.publish('tl-user', 'hello');
  expect((await arrived)[1]).toBe('tl-user');
  const published = await span('publish tl-user');
  for (let listeners = 2; listeners > 0; listeners--)
    expect((await span('process tl-u*')).parentSpanContext?.spanId).toBe(published.spanContext().spanId);
});
