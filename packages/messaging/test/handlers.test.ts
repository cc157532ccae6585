import { context, propagation, trace } from '@opentelemetry/api';
import * as amqplib from '@throughline/messaging/amqplib';
import * as bullmq from '@throughline/messaging/bullmq';
import * as cloudevents from '@throughline/messaging/cloudevents';
import * as confluent from '@throughline/messaging/confluent-kafka';
import * as ioredis from '@throughline/messaging/ioredis';
import * as kafkajs from '@throughline/messaging/kafkajs';
import * as nats from '@throughline/messaging/nats';
import * as pubsub from '@throughline/messaging/pubsub';
import * as redis from '@throughline/messaging/redis';
import * as serviceBus from '@throughline/messaging/service-bus';
import * as sns from '@throughline/messaging/sns';
import * as sqs from '@throughline/messaging/sqs';
import { createSpanCollector } from '@throughline/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { FakeMessage, headers } from './fake-nats.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN_ID = 'b7ad6b7169203331';
const TRACEPARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;

const spans = createSpanCollector();
beforeEach(() => {
  trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
});
afterEach(() => {
  spans.assertClean();
  spans.reset();
  for (const api of [trace, context, propagation]) api.disable();
});

// biome-ignore lint/suspicious/noExplicitAny: handlers of every module
type Handler = (this: unknown, message: any, more: string) => unknown;

const event = { id: '1', type: 'order.paid', source: '/orders' };
const job = { id: '1', name: 'mail', queueName: 'mails', timestamp: 1, opts: {} };

/** Every function that takes a handler, with a message for it. */
const MODULES: Record<string, [wrap: (handler: Handler) => Handler, message: unknown]> = {
  amqplib: [
    (handler) => amqplib.traceHandler(handler),
    { fields: { exchange: '', routingKey: 'orders', deliveryTag: 1 }, properties: {} },
  ],
  bullmq: [(handler) => bullmq.traceProcessor(handler), job],
  cloudevents: [(handler) => cloudevents.traceHandler(handler), event],
  'cloudevents emitter': [(handler) => cloudevents.traceEmitter(handler), event],
  'confluent-kafka': [(handler) => confluent.traceHandler(handler), { topic: 'orders', value: null }],
  ioredis: [(handler) => ioredis.traceHandler(handler), ['1-1', ['a', '1']]],
  kafkajs: [(handler) => kafkajs.traceHandler(handler), { offset: '1', timestamp: '1', value: null }],
  nats: [(handler) => nats.traceHandler(handler, { headers }), new FakeMessage('orders', 'x')],
  pubsub: [(handler) => pubsub.traceHandler(handler), { attributes: {} }],
  'pubsub push': [(handler) => pubsub.tracePushHandler(handler), { message: {}, subscription: 's' }],
  redis: [(handler) => redis.traceHandler(handler), { id: '1-1', message: { a: '1' } }],
  'service-bus': [(handler) => serviceBus.traceHandler(handler), {}],
  sns: [(handler) => sns.traceHandler(handler), {}],
  sqs: [(handler) => sqs.traceHandler(handler), {}],
};

describe.each(Object.keys(MODULES))('a handler of %s', (name) => {
  const [wrap, message] = MODULES[name] as (typeof MODULES)[string];

  it('keeps its this and its other arguments', async () => {
    const service = {
      seen: [] as unknown[],
      handle: wrap(function (this: unknown, _message, more) {
        return [this, more];
      }),
    };
    expect(service.handle(message, 'more')).toEqual([service, 'more']);
    await spans.take();
  });

  it.each<[string, PromiseLike<string>]>([
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
    ['returns nothing from then', { then: (done) => void done?.('done') as never }],
    [
      'is a function',
      Object.assign(() => {}, {
        // biome-ignore lint/suspicious/noThenProperty: as above
        then: (done: (value: string) => void) => void setImmediate(() => done('done')),
      }) as never,
    ],
    [
      'calls back twice',
      {
        // biome-ignore lint/suspicious/noThenProperty: as above
        then(done, failed) {
          done?.('done');
          failed?.(new Error('too late'));
          return undefined as never;
        },
      },
    ],
  ])('returns what a thenable comes to that %s', async (_kind, thenable) => {
    const result = wrap(() => thenable)(message, '');
    expect(spans.ended()).toEqual([]);
    expect(await result).toBe('done');
    expect((await spans.take()).attributes).not.toHaveProperty('error.type');
  });

  it('returns a value whose then cannot be read', async () => {
    const unreadable = Object.defineProperty({}, 'then', {
      get() {
        throw new Error('planted');
      },
    });
    expect(wrap(() => unreadable)(message, '')).toBe(unreadable);
    await spans.take();
  });
});

const SQS_RECORD = {
  messageId: 'm-7',
  receiptHandle: 'r',
  body: 'x',
  attributes: { SentTimestamp: '1700000000000', ApproximateReceiveCount: '1' },
  messageAttributes: {
    traceparent: { dataType: 'String', stringValue: TRACEPARENT },
    bytes: { dataType: 'Binary', binaryValue: 'AAE=' },
  },
  md5OfBody: '',
  eventSource: 'aws:sqs',
  eventSourceARN: 'arn:aws:sqs:eu-west-1:123456789012:orders',
  awsRegion: 'eu-west-1',
};
const bytes = (text: string) => [...Buffer.from(text)];
const NOTIFICATION = {
  TopicArn: 'arn:aws:sns:eu-west-1:123456789012:orders',
  MessageId: 'm-7',
  MessageAttributes: { traceparent: { Type: 'String', Value: TRACEPARENT } },
};
const PUSH = {
  message: { attributes: { traceparent: TRACEPARENT }, messageId: 'm-7', data: 'eA==' },
  subscription: 'projects/any/subscriptions/orders',
};

/** The same message in the shapes in which others hand it over. */
const SHAPES: Record<string, [call: () => unknown, expected: Record<string, unknown>]> = {
  'a record of Lambda from SQS': [
    () => sqs.traceHandler(() => {})(SQS_RECORD),
    { 'messaging.message.id': 'm-7', 'messaging.destination.name': 'orders' },
  ],
  'a record of Lambda from SQS with the header of X-Ray alone': [
    () =>
      sqs.traceHandler(() => {})({
        ...SQS_RECORD,
        messageAttributes: {},
        attributes: {
          AWSTraceHeader: `Root=1-${TRACE_ID.slice(0, 8)}-${TRACE_ID.slice(8)};Parent=${SPAN_ID};Sampled=1`,
        },
      }),
    { 'messaging.message.id': 'm-7' },
  ],
  'a record of Lambda from SNS through SQS': [
    () =>
      sqs.traceHandler(() => {})({
        ...SQS_RECORD,
        messageAttributes: {},
        body: JSON.stringify({ Type: 'Notification', ...NOTIFICATION }),
      }),
    { 'messaging.message.id': 'm-7' },
  ],
  'a record of Lambda from SNS': [
    () => sns.traceHandler(() => {})({ EventSource: 'aws:sns', Sns: NOTIFICATION } as sns.SnsNotification),
    { 'messaging.message.id': 'm-7', 'messaging.destination.name': 'orders' },
  ],
  ...Object.fromEntries(
    [kafkajs.traceHandler, confluent.traceHandler].map((traceHandler, at) => [
      `a record of Lambda from Kafka, ${at === 0 ? 'kafkajs' : 'confluent-kafka'}`,
      [
        () =>
          (traceHandler as typeof kafkajs.traceHandler)(() => {})({
            topic: 'orders',
            partition: 3,
            offset: 15,
            timestamp: 1700000000000,
            timestampType: 'CREATE_TIME',
            key: Buffer.from('k-7').toString('base64'),
            value: 'eA==',
            headers: [{ tenant: bytes('blue') }, { traceparent: bytes(TRACEPARENT) }],
          }),
        {
          'messaging.destination.name': 'orders',
          'messaging.destination.partition.id': '3',
          'kafka.message.key': 'k-7',
          'kafka.offset': 15,
        },
      ] satisfies [() => unknown, Record<string, unknown>],
    ]),
  ),
  'a push of Pub/Sub': [
    () => pubsub.traceHandler(() => {})(PUSH),
    { 'messaging.message.id': 'm-7', 'messaging.destination.name': 'orders' },
  ],
  'an event of Pub/Sub': [
    () => pubsub.traceHandler(() => {})({ data: PUSH }),
    { 'messaging.message.id': 'm-7', 'messaging.destination.name': 'orders' },
  ],
};

it.each(Object.keys(SHAPES))('reads %s', async (shape) => {
  const [call, expected] = SHAPES[shape] as (typeof SHAPES)[string];
  call();
  const span = await spans.take();
  expect(span.parentSpanContext?.spanId).toBe(SPAN_ID);
  expect(span.attributes).toMatchObject(expected);
});

it('receives a message of RabbitMQ with its tag, key and correlation', async () => {
  const message = {
    fields: { exchange: 'shop', routingKey: 'order.paid', deliveryTag: 7 },
    properties: { correlationId: 'c-1', messageId: 'm-7' },
  };
  const raw = { get: async () => message };
  const channel = amqplib.traceChannel(raw as unknown as amqplib.AmqpChannel & typeof raw);
  await channel.get();
  expect((await spans.take()).attributes).toMatchObject({
    'messaging.message.id': 'm-7',
    'messaging.message.conversation_id': 'c-1',
    'rabbitmq.message.delivery_tag': 7,
    'rabbitmq.destination.routing_key': 'order.paid',
  });
});
