import { context, propagation, trace } from '@opentelemetry/api';
import * as ioredis from '@throughline/messaging/ioredis';
import * as nodeRedis from '@throughline/messaging/redis';
import { createSpanCollector } from '@throughline/testing';
import { Redis } from 'ioredis';
import { createClient, createClientPool } from 'redis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sdk3 } from '../conformance/sdk3.ts';
import { redis } from './services/redis.ts';
import { urlVariable } from './services/service.ts';

const url = process.env[urlVariable(redis)] ?? '';
const missing = url === '' ? `${urlVariable(redis)} is not set` : undefined;
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;

const spans = createSpanCollector();
const open: (() => unknown)[] = [];
let order = 0;

beforeAll(() => {
  trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
});
afterEach(() => {
  for (const close of open.splice(0)) close();
  spans.reset();
});
afterAll(() => {
  for (const api of [trace, context, propagation]) api.disable();
});

const connectIORedis = () => {
  const client = ioredis.traceClient(new Redis(url));
  open.push(() => client.disconnect());
  return client;
};
const connectNodeRedis = async () => {
  const client = await nodeRedis.traceClient(createClient({ url })).connect();
  open.push(() => client.destroy());
  return client;
};
type IORedis = ReturnType<typeof connectIORedis>;
type NodeRedis = Awaited<ReturnType<typeof connectNodeRedis>>;

const closing = <C extends { disconnect(): unknown }>(client: C): C => {
  open.push(() => client.disconnect());
  return client;
};
const destroying = <C extends { destroy(): unknown }>(client: C): C => {
  open.push(() => client.destroy());
  return client;
};

/** A pool says `undefined` when it is connected already. */
function never(): never {
  throw new Error('the pool was connected before');
}

/** Adds `a 1` to the stream, by each form there is. */
const IOREDIS: Record<string, (client: IORedis, stream: string) => Promise<unknown>> = {
  xadd: (client, stream) => client.xadd(stream, '*', 'a', '1'),
  'xadd with a callback': (client, stream) =>
    new Promise((done, failed) => {
      client.xadd(stream, '*', 'a', '1', (error, id) => (error ? failed(error) : done(id)));
    }),
  xaddBuffer: (client, stream) => client.xaddBuffer(stream, '*', 'a', '1'),
  "call('XADD')": (client, stream) => client.call('XADD', stream, '*', 'a', '1'),
  "call('xadd') with a list": (client, stream) => client.call('xadd', [stream, '*', 'a', '1']),
  callBuffer: (client, stream) => client.callBuffer('XADD', stream, '*', 'a', '1'),
  'duplicate()': (client, stream) => closing(client.duplicate()).xadd(stream, '*', 'a', '1'),
  'pipeline()': (client, stream) =>
    client.pipeline().set(`${stream}-x`, 1).xadd(stream, '*', 'a', '1').exec(),
  'pipeline() with a list': (client, stream) => client.pipeline([['xadd', stream, '*', 'a', '1']]).exec(),
  'pipeline() with callbacks': (client, stream) =>
    new Promise((done, failed) => {
      client
        .pipeline()
        .xadd(stream, '*', 'a', '1', () => {})
        .exec((error, results) => (error ? failed(error) : done(results)));
    }),
  'call in a pipeline': (client, stream) => client.pipeline().call('XADD', stream, '*', 'a', '1').exec(),
  'multi()': (client, stream) => client.multi().xadd(stream, '*', 'a', '1').exec(),
  'multi() with a list': (client, stream) => client.multi([['xadd', stream, '*', 'a', '1']]).exec(),
  'multi({ pipeline: false })': async (client, stream) => {
    await client.multi({ pipeline: false });
    await client.xadd(stream, '*', 'a', '1');
    return client.exec();
  },
};

const NODE_REDIS: Record<string, (client: NodeRedis, stream: string) => Promise<unknown>> = {
  xAdd: (client, stream) => client.xAdd(stream, '*', { a: '1' }),
  XADD: (client, stream) => client.XADD(stream, '*', { a: '1' }),
  'xAddNoMkStream and XADD_NOMKSTREAM': async (client, stream) => {
    await client.xAdd(stream, '*', { a: '1' });
    await client.xAddNoMkStream(stream, '*', { a: '1' });
    return client.XADD_NOMKSTREAM(stream, '*', { a: '1' });
  },
  sendCommand: (client, stream) => client.sendCommand(['XADD', stream, '*', 'a', '1']),
  'duplicate()': async (client, stream) =>
    destroying(await client.duplicate().connect()).xAdd(stream, '*', { a: '1' }),
  'asap() and withTypeMapping()': async (client, stream) => {
    await client.asap().xAdd(stream, '*', { a: '1' });
    return client.withTypeMapping({}).xAdd(stream, '*', { a: '1' });
  },
  'on()': (client, stream) => client.on('error', () => {}).xAdd(stream, '*', { a: '1' }),
  'this in a listener': (client, stream) =>
    new Promise((done) => {
      client.once('news', function (this: NodeRedis) {
        done(this.xAdd(stream, '*', { a: '1' }));
      });
      client.emit('news');
    }),
  'multi()': (client, stream) => client.multi().set(`${stream}-x`, '1').xAdd(stream, '*', { a: '1' }).exec(),
  'MULTI() and XADD': (client, stream) => client.MULTI().XADD(stream, '*', { a: '1' }).EXEC(),
  'execTyped()': (client, stream) => client.multi().xAdd(stream, '*', { a: '1' }).execTyped(),
  'execAsPipeline()': (client, stream) => client.multi().xAdd(stream, '*', { a: '1' }).execAsPipeline(),
  'sendCommand in a transaction': (client, stream) =>
    client.multi().sendCommand(['XADD', stream, '*', 'a', '1']).exec(),
  'addCommand in a transaction': (client, stream) =>
    client.multi().addCommand(['XADD', stream, '*', 'a', '1']).exec(),
  'createPool()': async (client, stream) => {
    const pool = destroying((await client.createPool().connect()) ?? never());
    await pool.xAdd(stream, '*', { a: '1' });
    return pool.execute((lent) => lent.xAdd(stream, '*', { a: '1' }));
  },
  'a pool of its own': async (_client, stream) => {
    const pool = destroying((await nodeRedis.traceClient(createClientPool({ url })).connect()) ?? never());
    return pool.execute((lent) => lent.xAdd(stream, '*', { a: '1' }));
  },
};

async function assertTraced(stream: string): Promise<void> {
  const bare = new Redis(url);
  const entries = await bare.xrange(stream, '-', '+');
  await bare.quit();
  expect(entries.length).toBeGreaterThan(0);
  const created = spans.ended().filter(({ name }) => /^(xadd|create) /.test(name));
  for (const [, fields] of entries) {
    expect(fields.slice(0, 2)).toEqual(['a', '1']);
    expect(fields.filter((one) => one === 'traceparent')).toHaveLength(1);
    const traceparent = fields[fields.indexOf('traceparent') + 1];
    expect(created.map((span) => span.spanContext().spanId)).toContain(traceparent?.split('-')[2]);
  }
  expect(created).toHaveLength(entries.length);
  const sent = spans.ended().filter((span) => span.name.startsWith('exec'));
  const queued = created.filter(({ name }) => name.startsWith('create'));
  expect(sent.flatMap(({ links }) => links)).toHaveLength(queued.length);
}

describe('ioredis', () => {
  it.skipIf(missing).each(Object.keys(IOREDIS))(`adds a traced entry by %s${skipped}`, async (form) => {
    const stream = `tl-forms-io-${++order}`;
    await IOREDIS[form]?.(connectIORedis(), stream);
    await assertTraced(stream);
  });

  it.skipIf(missing)(`leaves a failure that a callback was given handled${skipped}`, async () => {
    const client = connectIORedis();
    await client.set('tl-no-stream', '1');
    const error = await new Promise((done) => {
      client.xadd('tl-no-stream', '*', 'a', '1', done);
    });
    expect(String(error)).toContain('WRONGTYPE');
    // An unhandled rejection would fail the run.
    await new Promise((done) => setTimeout(done, 10));
  });
});

describe('node-redis', () => {
  it.skipIf(missing).each(Object.keys(NODE_REDIS))(`adds a traced entry by %s${skipped}`, async (form) => {
    const stream = `tl-forms-node-${++order}`;
    await NODE_REDIS[form]?.(await connectNodeRedis(), stream);
    await assertTraced(stream);
  });

  it.skipIf(missing)(`processes what the upper-case commands read${skipped}`, async () => {
    const client = await connectNodeRedis();
    const id = await client.XADD('tl-forms-read', '*', { a: '1' });
    const reply = (await client.XREAD({ key: 'tl-forms-read', id: '0' })) as
      | { messages: { id: string; message: Record<string, string> }[] }[]
      | null;
    const entry = reply?.[0]?.messages.find((one) => one.id === id);
    nodeRedis.traceHandler(() => {})(entry as { id: string; message: Record<string, string> });
    const [added, read, processed] = spans.ended();
    expect([added?.name, read?.name, processed?.name]).toEqual([
      'xadd tl-forms-read',
      'xread tl-forms-read',
      'process tl-forms-read',
    ]);
    expect(processed?.parentSpanContext?.spanId).toBe(added?.spanContext().spanId);
  });
});
