import { context, diag, propagation, SpanKind, trace } from '@opentelemetry/api';
import * as ioredis from '@throughline/messaging/ioredis';
import * as nodeRedis from '@throughline/messaging/redis';
import { createSpanCollector, type RecordedSpan } from '@throughline/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { open, seal } from '../src/wrapping/envelope.ts';
import { FakeIORedis, FakeNodeRedis, FakeRedisServer } from './fake-redis.ts';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const SPAN_ID = 'b7ad6b7169203331';

const spans = createSpanCollector();
let server: FakeRedisServer;

beforeEach(() => {
  server = new FakeRedisServer();
  trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
});
afterEach(() => {
  spans.assertClean();
  for (const api of [trace, context, propagation]) api.disable();
});

const named = (name: string) => spans.take((span) => span.name === name);
const linksOf = (span: RecordedSpan) => span.links.map((link) => link.context.spanId);

describe('ioredis', () => {
  it.each([
    [['*']],
    [['NOMKSTREAM', '*']],
    [['MAXLEN', 1000, '*']],
    [['maxlen', '~', '1000', 'LIMIT', '10', '*']],
    [['KEEPREF', 'IDMP', 'producer', 'id', 'MINID', '=', '5-0', '*']],
  ])('finds the fields behind XADD orders %j, in a list or not', async (words) => {
    for (const fields of [['Traceparent', 'nonsense', 'a', '1'], [['Traceparent', 'nonsense', 'a', '1']]]) {
      const raw = new FakeIORedis(server);
      const id = await ioredis.traceClient(raw).xadd('orders', ...words, ...fields);
      const span = await named('xadd orders');
      const traceparent = expect.stringContaining(span.spanContext().spanId);
      expect(raw.calls).toEqual([['orders', ...words, 'a', '1', 'traceparent', traceparent]]);
      expect(span).toMatchObject({
        kind: SpanKind.PRODUCER,
        attributes: {
          'messaging.system.name': 'redis',
          'messaging.message.id': id,
          'server.address': '127.0.0.1',
          'server.port': 6379,
        },
      });
    }
  });

  it('leaves the callback of a command where it is', async () => {
    const callback = vi.fn();
    await ioredis.traceClient(new FakeIORedis(server)).xadd('orders', '*', 'a', '1', callback);
    expect(callback).toHaveBeenCalledOnce();
    await named('xadd orders');
  });

  it('hands a command on that it cannot read', async () => {
    const raw = new FakeIORedis(server);
    await ioredis.traceClient(raw).xadd('orders', 'MAXLEN', '5');
    expect(raw.calls).toEqual([['orders', 'MAXLEN', '5']]);
  });

  it('does not change the arrays that it is given', async () => {
    const fields = Object.freeze(['a', '1']) as string[];
    await ioredis.traceClient(new FakeIORedis(server)).xadd('orders', '*', fields);
    await named('xadd orders');
  });

  it('receives entries of several streams, and processes each as one of its own stream and group', async () => {
    const { meterProvider, collect } = sdk3.createMeterProvider();
    const options = { meterProvider };
    const client = ioredis.traceClient(new FakeIORedis(server), options);
    const id = server.add('orders', ['traceparent', TRACEPARENT]);
    server.add('refunds', ['a', '1']);
    const words = ['GROUP', 'mailer', 'c1', 'COUNT', '10', 'STREAMS', 'orders', 'refunds', '>', '>'];
    const reply = (await client.xreadgroup(...words)) ?? [];
    const receive = await named('xreadgroup 127.0.0.1:6379');
    expect(receive).toMatchObject({
      kind: SpanKind.CLIENT,
      attributes: {
        'messaging.batch.message_count': 2,
        'messaging.consumer.group.name': 'mailer',
        'messaging.client.id': 'c1',
      },
    });
    expect(linksOf(receive)).toEqual([SPAN_ID]);
    const handle = ioredis.traceHandler(([, fields]: [string, string[]]) => fields.length, options);
    expect(reply.flatMap(([, entries]) => entries.map((entry) => handle(entry)))).toEqual([2, 2]);
    expect(await named('process orders')).toMatchObject({
      parentSpanContext: { spanId: SPAN_ID },
      attributes: { 'messaging.message.id': id, 'messaging.consumer.group.name': 'mailer' },
    });
    expect((await named('process refunds')).parentSpanContext).toBeUndefined();
    const measured = (await collect()).scopeMetrics.flatMap(({ metrics }) => metrics);
    const consumed = measured.find(
      ({ descriptor }) => descriptor.name === 'messaging.client.consumed.messages',
    );
    expect(consumed?.dataPoints.map(({ value }) => value)).toEqual([2]);
  });

  it('records a read that waits only when it returns entries', async () => {
    const client = ioredis.traceClient(new FakeIORedis(server));
    const words = ['BLOCK', 0, 'STREAMS', 'orders', '$'] as const;
    expect(await client.xread(...words)).toBeNull();
    expect(spans.ended()).toEqual([]);
    server.add('orders', ['traceparent', TRACEPARENT]);
    expect(await client.xread(...words)).toHaveLength(1);
    const receive = await named('xread orders');
    expect(linksOf(receive)).toEqual([SPAN_ID]);
    expect(receive.attributes['messaging.batch.message_count']).toBe(1);
  });

  it.each(['xclaim', 'xautoclaim'] as const)('receives what %s takes over', async (command) => {
    server.add('orders', ['traceparent', TRACEPARENT]);
    await ioredis.traceClient(new FakeIORedis(server))[command]('orders', 'mailer', 'c2', 0, '0');
    const receive = await named(`${command} orders`);
    expect(linksOf(receive)).toEqual([SPAN_ID]);
    expect(receive.attributes['messaging.consumer.group.name']).toBe('mailer');
  });

  it('acknowledges one entry or several', async () => {
    const client = ioredis.traceClient(new FakeIORedis(server));
    await client.xack('orders', 'mailer', '1-1');
    expect((await named('xack orders')).attributes['messaging.message.id']).toBe('1-1');
    await client.xack('orders', 'mailer', '1-1', '1-2');
    expect((await named('xack orders')).attributes['messaging.batch.message_count']).toBe(2);
  });

  it('names spans of a pattern by it', async () => {
    const client = ioredis.traceClient(new FakeIORedis(server), { envelope: true });
    const got: unknown[] = [];
    client.on('pmessage', (...args) => got.push(args));
    await client.publish('user.7', 'hello');
    const publish = await named('publish user.7');
    expect(got).toEqual([['us*', 'user.7', 'hello']]);
    expect(await named('process us*')).toMatchObject({
      parentSpanContext: { spanId: publish.spanContext().spanId },
      attributes: { 'messaging.destination.name': 'user.7', 'messaging.destination.template': 'us*' },
    });
  });

  it('removes the listener that was added, and leaves those of other events alone', async () => {
    const raw = new FakeIORedis(server);
    const client = ioredis.traceClient(raw, { envelope: true });
    const listener = vi.fn();
    client.on('ready', listener).on('message', listener).once('messageBuffer', listener);
    client.off('message', listener).removeListener('messageBuffer', listener);
    expect(raw.listenerCount('message')).toBe(0);
    expect(raw.listenerCount('messageBuffer')).toBe(0);
    raw.emit('ready');
    expect(listener).toHaveBeenCalledOnce();
  });

  it('leaves pub/sub alone when no envelope is asked for', async () => {
    const raw = new FakeIORedis(server);
    await ioredis.traceClient(raw).publish('news', 'hello');
    expect(raw.calls).toEqual([['news', 'hello']]);
  });

  it('refuses an envelope that is no boolean', () => {
    expect(() => ioredis.traceClient(new FakeIORedis(server), { envelope: 'yes' as never })).toThrow(
      "[throughline/messaging] traceClient(): options.envelope must be a boolean, got string 'yes'",
    );
  });
});

it('says once what goes untraced', () => {
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  diag.setLogger({ error: log, warn: log, info: log, debug: log, verbose: log });
  const raw = Object.assign(new FakeIORedis(server), { sendCommand: () => 'sent' });
  const client = ioredis.traceClient(raw);
  const sendCommand = client.sendCommand as (command: object) => unknown;
  expect([sendCommand({ name: 'get' }), lines]).toEqual(['sent', []]);
  expect([sendCommand({ name: 'xadd' }), sendCommand({ name: 'XADD' })]).toEqual(['sent', 'sent']);
  expect(lines).toEqual([expect.stringContaining('sendCommand() of ioredis untraced')]);
  const legacy = Object.assign(new FakeNodeRedis(server), { legacy: () => 'legacy' });
  expect(nodeRedis.traceClient(legacy).legacy()).toBe('legacy');
  expect(lines).toHaveLength(2);
  diag.disable();
});

describe('node-redis', () => {
  it('adds to a copy of the fields, and hands options on', async () => {
    const raw = new FakeNodeRedis(server);
    const fields = Object.freeze({ a: '1' });
    const trim = { TRIM: { strategy: 'MAXLEN', threshold: 5 } };
    await nodeRedis.traceClient(raw).xAdd('orders', '*', fields, trim);
    const { spanId } = (await named('xadd orders')).spanContext();
    expect(raw.calls).toEqual([[{ a: '1', traceparent: expect.stringContaining(spanId) }, trim]]);
  });

  it('receives for a group, leaving out what was deleted, and acknowledges', async () => {
    const client = nodeRedis.traceClient(new FakeNodeRedis(server));
    server.add('orders', ['traceparent', TRACEPARENT]);
    const { messages } = await client.xAutoClaim('orders', 'mailer', 'c1', 0, '0');
    expect(linksOf(await named('xautoclaim orders'))).toEqual([SPAN_ID]);
    const [entry] = messages as [{ id: string; message: Record<string, string> }];
    nodeRedis.traceHandler(() => {})(entry);
    expect((await named('process orders')).attributes['messaging.consumer.group.name']).toBe('mailer');
    await client.xAck('orders', 'mailer', [entry.id, '1-1']);
    expect((await named('xack orders')).attributes['messaging.batch.message_count']).toBe(2);
  });

  it('records a read that waits only when it returns entries', async () => {
    const client = nodeRedis.traceClient(new FakeNodeRedis(server));
    const orders = { key: 'orders', id: '>' };
    expect(await client.xReadGroup('mailer', 'c1', orders, { BLOCK: 0 })).toBeNull();
    expect(spans.ended()).toEqual([]);
    server.add('orders', ['traceparent', TRACEPARENT]);
    expect(await client.xReadGroup('mailer', 'c1', orders, { BLOCK: 0 })).toHaveLength(1);
    expect(linksOf(await named('xreadgroup orders'))).toEqual([SPAN_ID]);
  });

  it('unsubscribes the listener that was subscribed', async () => {
    const raw = new FakeNodeRedis(server);
    const client = nodeRedis.traceClient(raw, { envelope: true });
    const listener = () => {};
    await client.subscribe('news', listener);
    expect(raw.listeners.size).toBe(1);
    await client.unsubscribe('news', listener);
    expect(raw.listeners.size).toBe(0);
  });
});

it('takes an id that is no time for no timestamp', async () => {
  const handle = ioredis.traceHandler(() => {}, { maxAge: 1_000 });
  handle(['7-0', ['traceparent', TRACEPARENT]]);
  expect((await spans.take()).parentSpanContext?.spanId).toBe(SPAN_ID);
  handle(['1500000000000-0', ['traceparent', TRACEPARENT]]);
  expect((await spans.take()).parentSpanContext).toBeUndefined();
});

describe('the envelope', () => {
  const fields = { traceparent: TRACEPARENT, baggage: 'tenant=a' };

  it('is the documented text', () => {
    expect(seal('hello', fields)).toBe(
      `{"$trace":{"traceparent":"${TRACEPARENT}","baggage":"tenant=a"},"data":"hello"}`,
    );
  });

  it.each(['', 'hello', '{"a":1}', '{"$trace":{},"data":"x"}', 'ü\u0000'])('holds the text %j', (text) => {
    expect(open(seal(text, fields))).toEqual({ fields, payload: text });
    expect(open(seal(text, undefined)).payload).toBe(text);
    const bytes = open(Buffer.from(seal(Buffer.from(text), fields)));
    expect(bytes).toEqual({ fields, payload: Buffer.from(text) });
  });

  it('holds bytes that are no text', () => {
    const bytes = Uint8Array.from([0xff, 0, 0x80]);
    const sealed = seal(bytes, fields) as string;
    expect(JSON.parse(sealed).data_base64).toBe('/wCA');
    expect(open(Buffer.from(sealed)).payload).toEqual(Buffer.from(bytes));
  });

  it.each([
    'hello',
    '{"$trace":',
    '{"$trace":7,"data":"x"}',
    '{"$trace":null,"data":"x"}',
    '{"$trace":{}}',
    '{"$trace":{},"data":7}',
    '{"$trace":{},"data":"x","more":1}',
    '{"data":"x","$trace":{}}',
  ])('is not what %s is', (text) => {
    expect(open(text)).toEqual({ fields: undefined, payload: text });
    const bytes = Buffer.from(text);
    expect(open(bytes)).toEqual({ fields: undefined, payload: bytes });
  });

  it('is not needed when there is nothing to tell', () => {
    expect(seal('hello', undefined)).toBe('hello');
  });
});
