import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { traceConsumer, traceHandler, traceProducer } from '@throughline/messaging/kafkajs';
import { createPropagator } from '@throughline/propagators';
import { createSpanCollector } from '@throughline/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeKafka, type FakeKafkaMessage, type FakeRecord } from './fake-kafka.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const TRACEPARENT = `00-${TRACE_ID}-b7ad6b7169203331-01`;

const spans = createSpanCollector();
let kafka: FakeKafka;
beforeEach(() => {
  kafka = new FakeKafka();
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(createPropagator('tracecontext,baggage'));
});
afterEach(() => {
  spans.assertClean();
  spans.reset();
  trace.disable();
  context.disable();
  propagation.disable();
});

const ofType = (type: string) =>
  spans.take(({ attributes }) => attributes['messaging.operation.type'] === type);

async function consumed(record: FakeRecord) {
  const consumer = traceConsumer(kafka.consumer({ groupId: 'mailer' }));
  await consumer.connect();
  await consumer.run({ eachMessage: async () => {} });
  kafka.append('orders', [record]);
  return ofType('process');
}

describe('traceProducer()', () => {
  it.each<[string, FakeRecord, Record<string, unknown>]>([
    ['a key', { key: 'o-7', value: 'v' }, { 'kafka.message.key': 'o-7' }],
    ['a key in bytes', { key: Buffer.from('ö'), value: 'v' }, { 'kafka.message.key': 'ö' }],
    ['a key that is no text', { key: Buffer.from([0xff]), value: 'v' }, { 'kafka.message.key': undefined }],
    ['a tombstone', { key: 'o-7', value: null }, { 'kafka.message.tombstone': true }],
    ['a partition', { value: 'v', partition: 3 }, { 'messaging.destination.partition.id': '3' }],
    ['no partition', { value: 'v', partition: -1 }, { 'messaging.destination.partition.id': undefined }],
  ])('describes %s', async (_, record, attributes) => {
    const producer = traceProducer(kafka.producer());
    await producer.connect();
    await producer.send({ topic: 'orders', messages: [record] });
    const { attributes: actual } = await ofType('send');
    for (const [name, value] of Object.entries(attributes)) expect(actual[name]).toEqual(value);
    expect(actual['messaging.client.id']).toBe('checkout');
  });

  it('sends to several topics in one span, each message created in its own', async () => {
    const producer = traceProducer(kafka.producer());
    const batch = {
      acks: 1,
      topicMessages: [
        { topic: 'orders', messages: [{ value: 'a' }, { value: 'b' }] },
        { topic: 'mails', messages: [{ value: 'c' }] },
      ],
    };
    await producer.sendBatch(batch);
    const creates = [await ofType('create'), await ofType('create'), await ofType('create')];
    expect(creates.map(({ name }) => name)).toEqual(['create orders', 'create orders', 'create mails']);
    const send = await ofType('send');
    expect(send).toMatchObject({ name: 'send', kind: SpanKind.CLIENT });
    expect(send.attributes['messaging.batch.message_count']).toBe(3);
    const sent = [...(kafka.topics.get('orders') ?? []), ...(kafka.topics.get('mails') ?? [])];
    expect(sent.map(({ headers }) => `${headers.traceparent}`.slice(36, 52))).toEqual(
      creates.map((span) => span.spanContext().spanId),
    );
    expect(batch.topicMessages[1]?.messages).toEqual([{ value: 'c' }]);
  });

  it('names the topic of a batch that goes to one', async () => {
    const messages = [{ value: 'a' }, { value: 'b' }];
    await traceProducer(kafka.producer()).sendBatch({ topicMessages: [{ topic: 'orders', messages }] });
    await spans.takeMany(2, ({ name }) => name === 'create orders');
    expect((await ofType('send')).name).toBe('send orders');
  });

  it('traces what a transaction sends', async () => {
    const transaction = await traceProducer(kafka.producer()).transaction();
    await transaction.send({ topic: 'orders', messages: [{ value: 'a' }] });
    const { traceId } = (await ofType('send')).spanContext();
    expect(`${kafka.topics.get('orders')?.[0]?.headers.traceparent}`).toContain(traceId);
    expect(await transaction.commit()).toBe('committed');
  });

  it.each([
    ['no record', undefined],
    ['no messages', { topic: 'orders' }],
    ['a message that is none', { topic: 'orders', messages: [null] }],
    ['an empty list', { topic: 'orders', messages: [] }],
  ])('leaves it to the client to refuse %s', async (_, record) => {
    const refusal = new Error('refused');
    const got: unknown[] = [];
    const producer = traceProducer({
      ...kafka.producer(),
      send: async (given: unknown) => {
        got.push(given);
        throw refusal;
      },
    });
    await expect(producer.send(record)).rejects.toBe(refusal);
    expect(got).toEqual([record]);
    expect(got[0]).toBe(record);
  });
});

describe('traceConsumer()', () => {
  it('says where a message came from and who took it', async () => {
    const { attributes } = await consumed({ key: 'o-7', value: 'v' });
    expect(attributes).toMatchObject({
      'messaging.destination.name': 'orders',
      'messaging.destination.partition.id': '0',
      'messaging.consumer.group.name': 'mailer',
      'messaging.client.id': 'mailer',
      'kafka.offset': 0,
      'kafka.message.key': 'o-7',
    });
    expect(attributes).not.toHaveProperty('kafka.message.tombstone');
  });

  it.each<[string, FakeRecord['headers']]>([
    ['bytes', { traceparent: Buffer.from(TRACEPARENT) }],
    ['a string', { traceparent: TRACEPARENT }],
    ['a list of one', { Traceparent: [TRACEPARENT] }],
  ])('reads headers that are %s', async (_, headers = {}) => {
    expect((await consumed({ value: 'v', headers })).spanContext().traceId).toBe(TRACE_ID);
  });

  it('takes a message without a timestamp for a young one', async () => {
    const consumer = traceConsumer(kafka.consumer({ groupId: 'mailer' }), { maxAge: 1 });
    await consumer.run({ eachMessage: async () => {} });
    const headers = { traceparent: TRACEPARENT };
    kafka.append('orders', [
      { value: 'a', headers, timestamp: '-1' },
      { value: 'b', headers, timestamp: '' },
      { value: 'c', headers, timestamp: '1' },
    ]);
    const traceIds = [];
    for (let n = 0; n < 3; n++) traceIds.push((await ofType('process')).spanContext().traceId);
    expect(traceIds.map((traceId) => traceId === TRACE_ID)).toEqual([true, true, false]);
  });

  it('passes its configuration on, changed in a copy', async () => {
    const config = { autoCommit: false, eachMessage: async () => {} };
    const { eachMessage } = config;
    await traceConsumer(kafka.consumer({ groupId: 'mailer' })).run(config);
    expect(kafka.configs[0]).toMatchObject({ autoCommit: false });
    expect(config.eachMessage).toBe(eachMessage);
  });

  it.each([
    ['one offset', [{ topic: 'orders', partition: 2, offset: '8' }], 'commit orders', '2'],
    [
      'offsets of several topics',
      [
        { topic: 'orders', partition: 2, offset: '8' },
        { topic: 'mails', partition: 0, offset: '1' },
      ],
      'commit',
      undefined,
    ],
  ])('makes a span of a commit of %s', async (_, offsets, name, partition) => {
    await traceConsumer(kafka.consumer({ groupId: 'mailer' })).commitOffsets(offsets);
    expect(kafka.committed).toEqual([offsets]);
    const span = await ofType('settle');
    expect(span.name).toBe(name);
    expect(span.attributes['messaging.destination.partition.id']).toBe(partition);
  });
});

describe('traceHandler()', () => {
  it('knows the place of a message that a traced consumer handed out in a batch', async () => {
    const handle = traceHandler(async (message: FakeKafkaMessage, more: string) => `${message.value}${more}`);
    const consumer = traceConsumer(kafka.consumer({ groupId: 'mailer' }));
    await consumer.connect();
    const results: string[] = [];
    await consumer.run({
      eachBatch: async ({ batch }) => {
        for (const message of batch.messages) results.push(await handle(message, '!'));
      },
    });
    kafka.append('orders', [{ value: 'a' }, { value: 'b' }]);
    const { name, attributes } = await ofType('process');
    expect(name).toBe('process orders');
    expect(attributes['messaging.consumer.group.name']).toBe('mailer');
    await ofType('process');
    expect((await ofType('receive')).attributes['messaging.destination.partition.id']).toBe('0');
    expect(results).toEqual(['a!', 'b!']);
  });

  it('continues the trace of a message from elsewhere', async () => {
    const handle = traceHandler((message: FakeKafkaMessage) => `${message.value}`);
    kafka.append('orders', [{ value: 'a', headers: { traceparent: TRACEPARENT } }]);
    expect(handle(kafka.topics.get('orders')?.[0] as FakeKafkaMessage)).toBe('a');
    const span = await ofType('process');
    expect(span.name).toBe('process');
    expect(span.spanContext().traceId).toBe(TRACE_ID);
  });
});
