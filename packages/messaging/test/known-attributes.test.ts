import { EventEmitter } from 'node:events';
import type { Attributes } from '@opentelemetry/api';
import { traceChannel } from '@throughline/messaging/amqplib';
import { traceProcessor } from '@throughline/messaging/bullmq';
import * as confluent from '@throughline/messaging/confluent-kafka';
import * as ioredis from '@throughline/messaging/ioredis';
import * as kafkajs from '@throughline/messaging/kafkajs';
import * as mqtt from '@throughline/messaging/mqtt';
import { traceConsumer, traceHandler, traceJetStream } from '@throughline/messaging/nats';
import { traceSubscription, traceTopic } from '@throughline/messaging/pubsub';
import * as sns from '@throughline/messaging/sns';
import * as sqs from '@throughline/messaging/sqs';
import type { SpanCollector } from '@throughline/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeChannel } from './fake-amqp-channel.ts';
import { command } from './fake-aws.ts';
import { FakeMqttClient } from './fake-mqtt.ts';
import { FakeMessage as FakeNatsMessage, headers } from './fake-nats.ts';
import { FakeMessage, FakeSubscription, FakeTopic } from './fake-pubsub.ts';
import { FakeIORedis } from './fake-redis.ts';
import { startRecording, stopRecording } from './recording.ts';

let spans: SpanCollector;
beforeEach(() => {
  spans = startRecording();
});
afterEach(() => stopRecording(spans));

const data = Buffer.from('{}');
const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

/** Attributes of the spans that are made, by name. */
async function recorded(run: () => unknown): Promise<Record<string, Attributes>> {
  await run();
  await settle();
  const found = await spans.takeMany(spans.ended().length);
  return Object.fromEntries(found.map(({ name, attributes }) => [name, attributes]));
}

const overTheWire = () => new Promise((resolve) => setImmediate(resolve));
const $metadata = { requestId: 'r-7', httpStatusCode: 200 };
const answering = (output: object) => ({
  config: {
    endpoint: async () => ({ hostname: 'aws.test', port: 4566, protocol: 'http:', path: '/' }),
  },
  async send(_command: unknown) {
    await overTheWire();
    return { $metadata, ...output };
  },
});
const QueueUrl = 'https://sqs.eu-west-1.amazonaws.com/1/orders';
const TopicArn = 'arn:aws:sns:eu-west-1:1:orders';

describe('aws.request_id', () => {
  const entries = [{ Id: '1', MessageBody: 'a' }];
  it.each<[string, string, object, object]>([
    ['send orders', 'SendMessage', { MessageBody: 'a' }, { MessageId: 'm' }],
    ['send orders', 'SendMessageBatch', { Entries: entries }, {}],
    ['receive orders', 'ReceiveMessage', {}, { Messages: [{ MessageId: 'm', Body: 'a' }] }],
    ['receive orders', 'ReceiveMessage', {}, {}],
    ['delete orders', 'DeleteMessage', { ReceiptHandle: 'h' }, {}],
    ['delete orders', 'DeleteMessageBatch', { Entries: [{ Id: '1', ReceiptHandle: 'h' }] }, {}],
    ['change_visibility orders', 'ChangeMessageVisibility', { ReceiptHandle: 'h' }, {}],
  ])('%s of SQS by %s', async (span, operation, input, output) => {
    const client = sqs.traceClient(answering(output));
    const found = await recorded(() => client.send(command(operation, { QueueUrl, ...input })));
    expect(found[span]).toMatchObject({ 'aws.request_id': 'r-7' });
  });

  it.each<[string, object]>([
    ['Publish', { TopicArn, Message: 'a' }],
    ['PublishBatch', { TopicArn, PublishBatchRequestEntries: [{ Message: 'a' }] }],
  ])('publish orders of SNS by %s', async (operation, input) => {
    const client = sns.traceClient(answering({}));
    const found = await recorded(() => client.send(command(operation, { ...input })));
    expect(found['publish orders']).toMatchObject({
      'aws.request_id': 'r-7',
      'server.address': 'aws.test',
      'server.port': 4566,
    });
  });

  it.each<[string, string, object]>([
    ['send orders', 'SendMessage', { MessageBody: 'a' }],
    ['send orders', 'SendMessageBatch', { Entries: entries }],
    ['receive orders', 'ReceiveMessage', {}],
    ['delete orders', 'DeleteMessage', { ReceiptHandle: 'h' }],
  ])('%s of SQS by %s, refused', async (span, operation, input) => {
    const refused = Object.assign(new Error('AccessDenied'), { $metadata });
    const client = sqs.traceClient({ send: (_command: unknown) => Promise.reject(refused) });
    const found = await recorded(() =>
      expect(client.send(command(operation, { QueueUrl, ...input }))).rejects.toBe(refused),
    );
    expect(found[span]).toMatchObject({ 'aws.request_id': 'r-7' });
  });

  it('is absent where the answer has none', async () => {
    const client = sqs.traceClient({ send: async (_command: unknown) => ({}) });
    const found = await recorded(() => client.send(command('SendMessage', { QueueUrl, MessageBody: 'a' })));
    expect(found['send orders']).not.toHaveProperty('aws.request_id');
  });
});

it('the address of SNS comes from its own rules where no endpoint is set', async () => {
  const config = {
    region: async () => 'eu-west-1',
    useFipsEndpoint: async () => false,
    useDualstackEndpoint: async () => false,
    endpointProvider: ({ Region }: { Region: string }) => ({
      url: new URL(`https://sns.${Region}.amazonaws.com`),
    }),
  };
  const client = sns.traceClient({ ...answering({}), config });
  const found = await recorded(() => client.send(command('Publish', { TopicArn, Message: 'a' })));
  expect(found['publish orders']).toMatchObject({
    'server.address': 'sns.eu-west-1.amazonaws.com',
    'server.port': 443,
  });
});

it('a client of SNS that cannot resolve its endpoint is left in peace', async () => {
  const config = { region: () => Promise.reject(new Error('no region')), endpointProvider: () => undefined };
  const client = sns.traceClient({ ...answering({}), config });
  const found = await recorded(() => client.send(command('Publish', { TopicArn, Message: 'a' })));
  expect(found['publish orders']).not.toHaveProperty('server.address');
});

describe('Pub/Sub', () => {
  it.each<[string, object, object]>([
    ['the default', {}, { 'server.address': 'pubsub.googleapis.com', 'server.port': 443 }],
    [
      'an emulator',
      { servicePath: 'localhost', port: 8085 },
      { 'server.address': 'localhost', 'server.port': 8085 },
    ],
    ['another universe', { universeDomain: 'cloud.test' }, { 'server.address': 'pubsub.cloud.test' }],
  ])('names the server: %s', async (_, options, server) => {
    const topic = Object.assign(new FakeTopic(), { pubsub: { options } });
    const subscription = Object.assign(topic.subscription, { pubsub: { options } });
    traceSubscription(subscription).on('message', () => {});
    const found = await recorded(() => traceTopic(topic).publishMessage({ data }));
    expect(found['send orders']).toMatchObject({ 'messaging.operation.name': 'send', ...server });
    expect(found['process mailer']).toMatchObject(server);
  });

  it.each<[string, object]>([
    ['ack', { 'gcp.pubsub.message.ack_id': 'ack-1' }],
    ['nack', { 'gcp.pubsub.message.ack_id': 'ack-1' }],
    ['modack', { 'gcp.pubsub.message.ack_id': 'ack-1', 'gcp.pubsub.message.ack_deadline': 30 }],
  ])('says what it acknowledges: %s', async (name, attributes) => {
    const subscription = new FakeSubscription();
    traceSubscription(subscription).on(
      'message',
      (message: FakeMessage & { modAck(deadline: number): void }) => {
        if (name === 'ack') message.ack();
        if (name === 'nack') message.nack();
        if (name === 'modack') message.modAck(30);
      },
    );
    const message = Object.assign(new FakeMessage('1', data), { modAck() {} });
    const found = await recorded(() => subscription.deliver(message));
    expect(found[`${name} mailer`]).toMatchObject({ 'messaging.operation.name': name, ...attributes });
    expect(found['process mailer']).toMatchObject({ 'gcp.pubsub.message.ack_id': 'ack-1' });
  });
});

describe('the broker of Kafka', () => {
  class Client {
    readonly events = { REQUEST: 'request', GROUP_JOIN: 'join' };
    readonly emitter = new EventEmitter();
    readonly on = (name: string, listener: (event: never) => void) => {
      this.emitter.on(name, listener as () => void);
      return () => this.emitter.off(name, listener as () => void);
    };
    async send(_record: object) {}
    async sendBatch() {}
    async commitOffsets() {}
    async run({ eachMessage }: { eachMessage: (payload: object) => unknown }) {
      await eachMessage({ topic: 'orders', partition: 0, message: { value: data, headers: {} } });
    }
  }

  it.each<[string, readonly string[], string | undefined, number | undefined]>([
    ['no request yet', [], undefined, undefined],
    ['one broker', ['kafka-1:9092', 'kafka-1:9092'], 'kafka-1', 9092],
    ['several, of which any may have the message', ['kafka-1:9092', 'kafka-2:9092'], undefined, undefined],
    ['one with an IPv6 address', ['[::1]:9092'], '::1', 9092],
  ])('kafkajs: %s', async (_, brokers, address, port) => {
    const clients = [new Client(), new Client()] as const;
    const producer = kafkajs.traceProducer(clients[0]);
    const consumer = kafkajs.traceConsumer(clients[1]);
    for (const broker of brokers)
      for (const { emitter } of clients) emitter.emit('request', { payload: { broker, clientId: 'c' } });
    const found = await recorded(async () => {
      await producer.send({ topic: 'orders', messages: [{ value: 'a' }] });
      await consumer.run({ eachMessage: () => {} });
    });
    for (const span of ['send orders', 'process orders']) {
      expect(found[span]?.['server.address']).toBe(address);
      expect(found[span]?.['server.port']).toBe(port);
    }
  });

  it.each<[string, object, string | undefined]>([
    ['one', { 'bootstrap.servers': 'kafka-1:9092' }, 'kafka-1'],
    ['one, by its other name', { 'metadata.broker.list': 'kafka-1:9092' }, 'kafka-1'],
    ['several', { 'bootstrap.servers': 'kafka-1:9092,kafka-2:9092' }, undefined],
  ])('the librdkafka API with %s configured', async (_, globalConfig, address) => {
    const producer = { globalConfig, produce() {} };
    const found = await recorded(() =>
      Reflect.apply(confluent.traceProducer(producer).produce, undefined, [
        'orders',
        0,
        data,
        null,
        0,
      ] as never),
    );
    expect(found['send orders']?.['server.address']).toBe(address);
  });
});

describe('the server of JetStream', () => {
  const nc = { getServer: () => 'nats.test:4222' };
  const server = { 'server.address': 'nats.test', 'server.port': 4222 };

  it('when publishing', async () => {
    const js = traceJetStream({ nc, async publish() {} }, { headers });
    const found = await recorded(() => Reflect.apply(js.publish, js, ['orders'] as never));
    expect(found['publish orders']).toMatchObject(server);
  });

  it('when consuming, by callback and one by one', async () => {
    const message = () => Object.assign(new FakeNatsMessage('orders', ''), { ack() {} });
    const consumer = traceConsumer(
      {
        api: { nc },
        async consume({ callback }: { callback: (message: object) => unknown }) {
          await callback(message());
        },
        async next() {
          return message();
        },
      },
      { headers },
    );
    const handle = traceHandler((_: FakeNatsMessage) => {}, { headers });
    const consumed = await recorded(() =>
      consumer.consume({ callback: (given) => (given as { ack(): void }).ack() }),
    );
    expect(consumed['process orders']).toMatchObject(server);
    expect(consumed['ack orders']).toMatchObject(server);
    const fetched = await recorded(async () => handle(await consumer.next()));
    expect(fetched['process orders']).toMatchObject(server);
    expect(fetched['next nats.test:4222']).toMatchObject(server);
  });
});

it.each<[string, object]>([
  ['NATS', { publisher: { getServer: () => ({ listen: 'nats.test:4222' }) } }],
  ['JetStream', { msg: { publisher: { getServer: () => ({ listen: 'nats.test:4222' }) } } }],
])('the server of a message from an iterator: %s', async (_, inside) => {
  const message = Object.assign(new FakeNatsMessage('orders', ''), { ack() {} }, inside);
  const handle = traceHandler((given: typeof message) => given.ack(), { headers });
  const found = await recorded(() => handle(message));
  for (const span of ['process orders', 'ack orders'])
    expect(found[span]).toMatchObject({ 'server.address': 'nats.test', 'server.port': 4222 });
});

it.each<[string, object]>([
  ['settings', { host: 'redis.test', port: 6380 }],
  ['a client of ioredis', { options: { host: 'redis.test', port: 6380 } }],
])('the Redis of a BullMQ job, by %s', async (_, connection) => {
  const job = { name: 'mail', queueName: 'mails', timestamp: 1, opts: {}, queue: { opts: { connection } } };
  const found = await recorded(() => traceProcessor(async (_job: typeof job) => {})(job));
  expect(found['process mails']).toMatchObject({ 'server.address': 'redis.test', 'server.port': 6380 });
});

describe('network.peer.* on the span that processes', () => {
  const stream = { remoteAddress: '10.0.0.7', remotePort: 7 };
  const peer = { 'network.peer.address': '10.0.0.7', 'network.peer.port': 7 };

  it('amqplib', async () => {
    const channel = Object.assign(new FakeChannel(), { connection: { stream } });
    const traced = traceChannel(channel);
    await traced.consume('orders', () => {});
    const found = await recorded(() => channel.sendToQueue('orders', data));
    expect(found['process orders']).toMatchObject(peer);
  });

  it('MQTT', async () => {
    const client = Object.assign(new FakeMqttClient(), { stream });
    mqtt.traceClient(client).on('message', () => {});
    const found = await recorded(() => client.emit('message', 'orders', data, { properties: {} }));
    expect(found['process orders']).toMatchObject(peer);
  });

  it('ioredis, once it is connected', async () => {
    const redis = new FakeIORedis();
    const traced = ioredis.traceClient(redis);
    Object.assign(redis, { stream });
    await redis.xadd('orders', '*', 'id', '7');
    const handle = ioredis.traceHandler(async () => {});
    const found = await recorded(async () => {
      const read = (await traced.xread('STREAMS', 'orders', '0')) as [string, [string, string[]][]][];
      for (const [, entries] of read) for (const entry of entries) await handle(entry);
    });
    expect(found['process orders']).toMatchObject(peer);
  });
});
