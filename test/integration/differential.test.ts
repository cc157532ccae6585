/**
 * What a traced client sends, against what the bare one does with the same call: equal but for our fields.
 *
 * Each case makes its arguments twice, from the same values in an object of some kind, because clients may change them.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { PublishBatchCommand, PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { SendMessageBatchCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { ServiceBusClient } from '@azure/service-bus';
import { PubSub } from '@google-cloud/pubsub';
import * as nats from '@nats-io/transport-node';
import { context, propagation, trace } from '@opentelemetry/api';
import * as amqp from '@throughline/messaging/amqplib';
import * as bullmq from '@throughline/messaging/bullmq';
import * as cloudEvents from '@throughline/messaging/cloudevents';
import * as ioredis from '@throughline/messaging/ioredis';
import * as kafkajs from '@throughline/messaging/kafkajs';
import * as mqttModule from '@throughline/messaging/mqtt';
import * as natsModule from '@throughline/messaging/nats';
import * as pubsubModule from '@throughline/messaging/pubsub';
import * as nodeRedis from '@throughline/messaging/redis';
import * as serviceBusModule from '@throughline/messaging/service-bus';
import * as sns from '@throughline/messaging/sns';
import * as sqs from '@throughline/messaging/sqs';
import { traceConsumerOptions } from '@throughline/messaging/sqs-consumer';
import { createSpanCollector } from '@throughline/testing';
import { connect as connectAmqp } from 'amqplib';
import { FlowProducer, Queue } from 'bullmq';
import { CloudEvent, emitterFor, HTTP, type Message as HttpMessage, Mode } from 'cloudevents';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import mqtt from 'mqtt';
import { createClient } from 'redis';
import { Consumer } from 'sqs-consumer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sdk3 } from '../conformance/sdk3.ts';
import { kafka } from './services/kafka.ts';
import { mosquitto } from './services/mosquitto.ts';
import { nats as natsService } from './services/nats.ts';
import { pubsub } from './services/pubsub.ts';
import { rabbitmq } from './services/rabbitmq.ts';
import { redis } from './services/redis.ts';
import { type Service, urlVariable } from './services/service.ts';
import { serviceBus } from './services/service-bus.ts';
import { SHAPES } from './shapes.ts';

const spans = createSpanCollector();
beforeAll(() => {
  trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
});
afterAll(() => {
  for (const api of [trace, context, propagation]) api.disable();
});

/** Sends with an object of the caller's, by the bare client or the traced one. */
type Send = (traced: boolean, shape: (values: Record<string, unknown>) => never) => unknown;

interface Connected {
  /** By what is called. */
  readonly calls: Readonly<Record<string, Send>>;
  /** What arrived next, in what of it must be equal. */
  received(): Promise<unknown>;
  close(): unknown;
}

const OURS =
  /^((ce-)?(traceparent|tracestate)|baggage|googclient_traceparent|googclient_tracestate|Diagnostic-Id)$/;
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const HEADERS = { tenant: 'blue', kind: 'order' };

/** Without the fields that we add. */
const bare = (headers: object | undefined | null) =>
  Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => !OURS.test(name)));

const name = () => `tl-diff-${randomBytes(4).toString('hex')}`;

/** Messages in the order in which they arrive. */
function createInbox<M>() {
  const messages: M[] = [];
  const waiting: ((message: M) => void)[] = [];
  return {
    put(message: M): void {
      const next = waiting.shift();
      if (next) next(message);
      else messages.push(message);
    },
    take: (): Promise<M> =>
      messages.length > 0
        ? Promise.resolve(messages.shift() as M)
        : new Promise((done) => waiting.push(done)),
  };
}

const CLIENTS: Record<string, { service?: Service; connect(url: string): Promise<Connected> }> = {
  amqplib: {
    service: rabbitmq,
    async connect(url) {
      const connection = await connectAmqp(url);
      const raw = await connection.createConfirmChannel();
      const wrapped = amqp.traceChannel(raw);
      const { queue } = await raw.assertQueue('', { exclusive: true });
      const inbox = createInbox<unknown>();
      await raw.consume(
        queue,
        (message) => {
          const { headers, ...properties } = message?.properties ?? {};
          inbox.put({ content: String(message?.content), headers: bare(headers), properties });
        },
        { noAck: true },
      );
      const values = { persistent: true, priority: 5, type: 'order', expiration: '60000', messageId: '7' };
      const body = Buffer.from('{}');
      return {
        calls: {
          'sendToQueue, options': (traced, shape) =>
            (traced ? wrapped : raw).sendToQueue(queue, body, shape({ ...values, headers: HEADERS })),
          'publish, options': (traced, shape) =>
            (traced ? wrapped : raw).publish(
              '',
              queue,
              body,
              shape({ ...values, headers: HEADERS }),
              () => {},
            ),
          'sendToQueue, headers': (traced, shape) =>
            (traced ? wrapped : raw).sendToQueue(queue, body, { headers: shape(HEADERS) }),
        },
        received: inbox.take,
        close: () => connection.close(),
      };
    },
  },
  kafkajs: {
    service: kafka,
    async connect(url) {
      const client = new Kafka({ clientId: 'tl', brokers: [new URL(url).host], logLevel: logLevel.NOTHING });
      const [raw, admin, topic] = [client.producer(), client.admin(), name()];
      const wrapped = kafkajs.traceProducer(raw);
      await Promise.all([wrapped.connect(), admin.connect()]);
      await admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: true });
      const consumer = client.consumer({ groupId: topic });
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      const inbox = createInbox<unknown>();
      await consumer.run({
        eachMessage: async ({ message: { key, value, headers, timestamp }, partition }) =>
          inbox.put({ key: `${key}`, value: `${value}`, headers: bare(headers), timestamp, partition }),
      });
      const message = { key: 'k', value: 'v', partition: 1, timestamp: '1700000000000', headers: HEADERS };
      const on = (traced: boolean) => (traced ? wrapped : raw);
      return {
        calls: {
          'send, message': (traced, shape) => on(traced).send({ topic, messages: [shape(message)] }),
          'send, record': (traced, shape) => on(traced).send(shape({ topic, messages: [message], acks: 1 })),
          'send, headers': (traced, shape) =>
            on(traced).send({ topic, messages: [{ ...message, headers: shape(HEADERS) }] }),
          'sendBatch, batch': (traced, shape) =>
            on(traced).sendBatch(shape({ topicMessages: [{ topic, messages: [message] }], acks: 1 })),
          'sendBatch, topic': (traced, shape) =>
            on(traced).sendBatch({ topicMessages: [shape({ topic, messages: [message] })] }),
        },
        received: inbox.take,
        close: () => Promise.all([consumer.disconnect(), wrapped.disconnect(), admin.disconnect()]),
      };
    },
  },
  mqtt: {
    service: mosquitto,
    async connect(url) {
      const connect = () => mqtt.connectAsync(url, { protocolVersion: 5 });
      const [raw, subscriber, topic] = [await connect(), await connect(), name()];
      const wrapped = mqttModule.traceClient(raw);
      const inbox = createInbox<unknown>();
      subscriber.on('message', (_topic, payload, { qos, properties }) => {
        const { userProperties, ...others } = properties ?? {};
        inbox.put({ payload: `${payload}`, qos, properties: others, userProperties: bare(userProperties) });
      });
      await subscriber.subscribeAsync(topic, { qos: 1 });
      const properties = { contentType: 'text/plain', messageExpiryInterval: 60, userProperties: HEADERS };
      const on = (traced: boolean) => (traced ? wrapped : raw);
      return {
        calls: {
          'publishAsync, options': (traced, shape) =>
            on(traced).publishAsync(topic, 'x', shape({ qos: 1, properties })),
          'publish, options': (traced, shape) =>
            new Promise<void>((done, failed) => {
              on(traced).publish(topic, 'x', shape({ qos: 1, properties }), (error) =>
                error ? failed(error) : done(),
              );
            }),
          // Of an object without members of its own, MQTT.js writes a packet that the broker takes for half of one.
          'publishAsync, properties': (traced, shape) => {
            const shaped = shape(properties);
            const own = Object.keys(shaped).length > 0 ? shaped : properties;
            return on(traced).publishAsync(topic, 'x', { qos: 1, properties: own });
          },
          'publishAsync, user properties': (traced, shape) => {
            const shaped = shape(HEADERS);
            const userProperties = Object.getOwnPropertyNames(shaped).length > 0 ? shaped : HEADERS;
            return on(traced).publishAsync(topic, 'x', { properties: { ...properties, userProperties } });
          },
        },
        received: inbox.take,
        close: () => Promise.all([raw.endAsync(true), subscriber.endAsync(true)]),
      };
    },
  },
  nats: {
    service: natsService,
    async connect(url) {
      const raw = await nats.connect({ servers: url });
      const wrapped = natsModule.traceConnection(raw, { headers: nats.headers });
      const subject = name();
      const inbox = createInbox<unknown>();
      raw.subscribe(subject, {
        callback: (_error, message) => {
          const found = (message.headers?.keys() ?? []).map((key) => [key, message.headers?.values(key)]);
          inbox.put({
            data: message.string(),
            reply: message.reply,
            headers: bare(Object.fromEntries(found)),
          });
        },
      });
      await raw.flush();
      const headers = () => {
        const made = nats.headers();
        made.append('tenant', 'blue');
        return made;
      };
      const on = (traced: boolean) => (traced ? wrapped : raw);
      return {
        calls: {
          'publish, options': (traced, shape) =>
            on(traced).publish(subject, 'x', shape({ reply: 'answers', headers: headers() })),
          'publishMessage, message': (traced, shape) =>
            on(traced).publishMessage(
              shape({ subject, data: Buffer.from('x'), reply: 'answers', headers: headers() }),
            ),
        },
        received: inbox.take,
        close: () => raw.close(),
      };
    },
  },
  ioredis: {
    service: redis,
    async connect(url) {
      const raw = new Redis(url);
      const wrapped = ioredis.traceClient(raw);
      const stream = name();
      return {
        calls: {
          'xadd, fields': (traced) =>
            (traced ? wrapped : raw).xadd(stream, 'MAXLEN', 10, '*', 'tenant', 'blue', 'kind', 'order'),
        },
        async received() {
          const [[id, fields]] = (await raw.xrange(stream, '-', '+')) as [[string, string[]]];
          await raw.xdel(stream, id);
          const at = fields.findIndex((field) => OURS.test(field));
          return at < 0 ? fields : fields.toSpliced(at, 2);
        },
        close: () => raw.quit(),
      };
    },
  },
  redis: {
    service: redis,
    async connect(url) {
      const raw = await createClient({ url }).connect();
      const wrapped = nodeRedis.traceClient(raw);
      const stream = name();
      const on = (traced: boolean) => (traced ? wrapped : raw);
      const options = { TRIM: { strategy: 'MAXLEN', threshold: 10 } };
      return {
        calls: {
          'xAdd, fields': (traced, shape) => on(traced).xAdd(stream, '*', shape(HEADERS)),
          'xAdd, options': (traced, shape) => on(traced).xAdd(stream, '*', HEADERS, shape(options)),
          'multi, fields': (traced, shape) => on(traced).multi().xAdd(stream, '*', shape(HEADERS)).exec(),
        },
        async received() {
          const [entry] = (await raw.xRange(stream, '-', '+')) ?? [];
          if (entry) await raw.xDel(stream, entry.id);
          return bare(entry?.message);
        },
        close: () => raw.close(),
      };
    },
  },
  bullmq: {
    service: redis,
    async connect(url) {
      const { hostname: host, port } = new URL(url);
      const bareOptions = { connection: { host, port: Number(port) }, prefix: name() };
      const tracedOptions = { ...bareOptions, telemetry: bullmq.createTelemetry() };
      const queues = [new Queue('bills', bareOptions), new Queue('mails', bareOptions)] as const;
      const [raw, wrapped] = [queues[0], new Queue('bills', tracedOptions)];
      const rawFlows = new FlowProducer(bareOptions);
      const wrappedFlows = bullmq.traceFlowProducer(new FlowProducer(tracedOptions));
      const stored = new Redis(url);
      const on = (traced: boolean) => (traced ? wrapped : raw);
      const flowsOn = (traced: boolean) => (traced ? wrappedFlows : rawFlows);
      // Without `jobId`: with any telemetry, BullMQ copies the options before it reads that.
      const opts = { attempts: 3, delay: 60_000, priority: 2, timestamp: 1_700_000_000_000 };
      const job = { name: 'bill', data: { order: 7 }, opts };
      const child = { ...job, queueName: 'mails' };
      const flow = { ...job, queueName: 'bills', children: [child, { name: 'mail', queueName: 'mails' }] };
      const storedJob = async (queue: Queue, id: string) => {
        const { timestamp, opts = '{}', ...fields } = await stored.hgetall(queue.toKey(id));
        const { tm, ...options } = JSON.parse(opts);
        const job = { ...fields, options, state: await queue.getJobState(id) };
        // The jobs of a flow get ids at random, by which their children name them.
        return JSON.stringify(Object.entries(job).sort()).replace(UUID, 'id');
      };
      return {
        calls: {
          'add, data': (traced, shape) => on(traced).add('bill', shape(job.data), opts),
          'add, options': (traced, shape) => on(traced).add('bill', job.data, shape(opts)),
          'addBulk, job': (traced, shape) => on(traced).addBulk([shape(job), { name: 'mail', data: 1 }]),
          'addBulk, options': (traced, shape) => on(traced).addBulk([{ ...job, opts: shape(opts) }]),
          'add of a flow, parent': (traced, shape) => flowsOn(traced).add(shape(flow)),
          'add of a flow, child': (traced, shape) =>
            flowsOn(traced).add({ ...flow, children: [shape(child)] }),
          'add of a flow, options': (traced, shape) => flowsOn(traced).add({ ...flow, opts: shape(opts) }),
          'addBulk of flows, parent': (traced, shape) => flowsOn(traced).addBulk([shape(flow), flow]),
          'addBulk of flows, child': (traced, shape) =>
            flowsOn(traced).addBulk([{ ...flow, children: [shape(child)] }]),
        },
        async received() {
          const jobs: string[] = [];
          for (const queue of queues)
            for (const { id } of await queue.getJobs()) jobs.push(await storedJob(queue, `${id}`));
          await stored.del(await stored.keys(`${bareOptions.prefix}:*`));
          return jobs.sort();
        },
        async close() {
          await Promise.all([...queues, wrapped, rawFlows, wrappedFlows].map((one) => one.close()));
          await stored.quit();
        },
      };
    },
  },
  cloudevents: {
    async connect() {
      const inbox = createInbox<unknown>();
      const deliver = async ({ headers, body }: HttpMessage) => {
        const isJson = typeof body === 'string' && body.startsWith('{');
        inbox.put({ headers: bare(headers), body: isJson ? withoutOurs(JSON.parse(body)) : body });
      };
      const times = { id: '7', time: '2026-01-01T00:00:00.000Z' };
      const values = { ...times, type: 'order.paid', source: '/orders', specversion: '1.0', subject: 's' };
      const event = { ...values, tenant: 'blue', data: { order: 7 } };
      const callsIn = (mode: Mode): Record<string, Send> => {
        const raw = emitterFor(deliver, { binding: HTTP, mode });
        const wrapped = cloudEvents.traceEmitter(raw);
        const on = (traced: boolean) => (traced ? wrapped : raw);
        return {
          [`${mode}, event`]: (traced, shape) => on(traced)(shape(event)),
          [`${mode}, data`]: (traced, shape) =>
            on(traced)(new CloudEvent({ ...event, data: shape(event.data) })),
          [`${mode}, event by itself`]: (traced, shape) =>
            trace.getTracer('test').startActiveSpan('caller', (span) => {
              span.end();
              return raw(traced ? cloudEvents.withTraceContext(shape(event)) : shape(event));
            }),
        };
      };
      return {
        calls: { ...callsIn(Mode.BINARY), ...callsIn(Mode.STRUCTURED) },
        received: inbox.take,
        close() {},
      };
    },
  },
  'sqs-consumer': {
    async connect() {
      const [queueUrl, inbox] = ['http://127.0.0.1:9324/1/orders', createInbox<unknown>()];
      const message = { MessageId: '7', Body: 'x', ReceiptHandle: 'r' };
      const plain = (values: Record<string, unknown>) => values as never;
      // Puts down what a consumer asked of SQS and what it gave to its handler, until it has dealt with one answer.
      const consume = async (traced: boolean, shapeOptions: typeof plain, message: object, how: string) => {
        const seen: unknown[] = [];
        const client = {
          async send({ input }: { input: object }) {
            seen.push(withoutAsked(input));
            return 'WaitTimeSeconds' in input ? { Messages: [message] } : {};
          },
        };
        function handle(this: unknown, ...args: [unknown, ...unknown[]]) {
          seen.push({
            ofConsumer: this === consumer,
            same: [args[0]].flat()[0] === message,
            args: args.length,
          });
          return args[0];
        }
        const asked = { visibilityTimeout: 30, messageAttributeNames: ['tenant'] };
        const options = shapeOptions({ queueUrl, sqs: client, ...asked, [how]: handle });
        const consumer = Consumer.create(traced ? traceConsumerOptions(options) : options);
        consumer.on('error', (error) => seen.push(`${error}`));
        consumer.on('processing_error', (error) => seen.push(`${error}`));
        consumer.start();
        await once(consumer, 'response_processed');
        consumer.stop();
        inbox.put(seen);
      };
      return {
        calls: {
          'handleMessage, options': (traced, shape) => consume(traced, shape, message, 'handleMessage'),
          'handleMessage, message': (traced, shape) =>
            consume(traced, plain, shape(message), 'handleMessage'),
          'handleMessageBatch, options': (traced, shape) =>
            consume(traced, shape, message, 'handleMessageBatch'),
          'handleMessageBatch, message': (traced, shape) =>
            consume(traced, plain, shape(message), 'handleMessageBatch'),
        },
        received: inbox.take,
        close() {},
      };
    },
  },
  pubsub: {
    service: pubsub,
    async connect(url) {
      const client = new PubSub({ projectId: 'any', apiEndpoint: new URL(url).host, emulatorMode: true });
      const [raw] = await client.topic(name()).get({ autoCreate: true });
      const wrapped = pubsubModule.traceTopic(raw);
      const [subscription] = await raw.createSubscription(name());
      const inbox = createInbox<unknown>();
      subscription.on('message', (message) => {
        inbox.put({
          data: `${message.data}`,
          attributes: bare(message.attributes),
          key: message.orderingKey,
        });
        message.ack();
      });
      const on = (traced: boolean) => (traced ? wrapped : raw);
      const message = { data: Buffer.from('x'), attributes: HEADERS };
      return {
        calls: {
          'publishMessage, message': (traced, shape) => on(traced).publishMessage(shape(message)),
          'publishMessage, json': (traced, shape) =>
            on(traced).publishMessage(shape({ json: { id: 7 }, attributes: HEADERS })),
          'publishMessage, attributes': (traced, shape) =>
            on(traced).publishMessage({ ...message, attributes: shape(HEADERS) }),
        },
        received: inbox.take,
        close: () => client.close(),
      };
    },
  },
  'service-bus': {
    service: serviceBus,
    async connect(url) {
      const client = new ServiceBusClient(url);
      const queue = name();
      const raw = client.createSender(queue);
      const wrapped = serviceBusModule.traceSender(raw);
      const inbox = createInbox<unknown>();
      client.createReceiver(queue).subscribe({
        processMessage: async ({ body, applicationProperties, messageId, subject, contentType }) =>
          inbox.put({ body, properties: bare(applicationProperties), messageId, subject, contentType }),
        processError: async () => {},
      });
      const on = (traced: boolean) => (traced ? wrapped : raw);
      const message = { body: { id: 7 }, messageId: '7', subject: 's', contentType: 'application/json' };
      const full = { ...message, applicationProperties: HEADERS };
      return {
        calls: {
          'sendMessages, message': (traced, shape) => on(traced).sendMessages(shape(full)),
          'sendMessages, list': (traced, shape) => on(traced).sendMessages([shape(full)]),
          'sendMessages, properties': (traced, shape) =>
            on(traced).sendMessages({ ...message, applicationProperties: shape(HEADERS) }),
          'tryAddMessage, message': async (traced, shape) => {
            const batch = await on(traced).createMessageBatch();
            batch.tryAddMessage(shape(full));
            await on(traced).sendMessages(batch);
          },
        },
        received: inbox.take,
        close: () => client.close(),
      };
    },
  },
  sqs: {
    async connect() {
      const { config, inbox } = capturing();
      const [raw, QueueUrl] = [new SQSClient(config), 'http://127.0.0.1:9324/1/orders'];
      const wrapped = sqs.traceClient(raw);
      const on = (traced: boolean) => (traced ? wrapped : raw);
      const attributes = { tenant: { DataType: 'String', StringValue: 'blue' } };
      const message = { QueueUrl, MessageBody: 'x', DelaySeconds: 3, MessageAttributes: attributes };
      const entry = { Id: '1', MessageBody: 'x', DelaySeconds: 3, MessageAttributes: attributes };
      return {
        calls: {
          'SendMessage, input': (traced, shape) => on(traced).send(new SendMessageCommand(shape(message))),
          'SendMessage, attributes': (traced, shape) =>
            on(traced).send(new SendMessageCommand({ ...message, MessageAttributes: shape(attributes) })),
          'SendMessageBatch, input': (traced, shape) =>
            on(traced).send(new SendMessageBatchCommand(shape({ QueueUrl, Entries: [entry] }))),
          'SendMessageBatch, entry': (traced, shape) =>
            on(traced).send(new SendMessageBatchCommand({ QueueUrl, Entries: [shape(entry)] })),
          'SendMessage, frozen command': (traced, shape) =>
            on(traced).send(Object.freeze(new SendMessageCommand(shape(message)))),
        },
        received: inbox.take,
        close: () => raw.destroy(),
      };
    },
  },
  sns: {
    async connect() {
      const { config, inbox } = capturing();
      const [raw, TopicArn] = [new SNSClient(config), 'arn:aws:sns:eu-west-1:1:orders'];
      const wrapped = sns.traceClient(raw);
      const on = (traced: boolean) => (traced ? wrapped : raw);
      const MessageAttributes = { tenant: { DataType: 'String', StringValue: 'blue' } };
      const message = { TopicArn, Message: 'x', Subject: 's', MessageAttributes };
      const entry = { Id: '1', Message: 'x', Subject: 's', MessageAttributes };
      return {
        calls: {
          'Publish, input': (traced, shape) => on(traced).send(new PublishCommand(shape(message))),
          'PublishBatch, input': (traced, shape) =>
            on(traced).send(
              new PublishBatchCommand(shape({ TopicArn, PublishBatchRequestEntries: [entry] })),
            ),
          'PublishBatch, entry': (traced, shape) =>
            on(traced).send(
              new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: [shape(entry)] }),
            ),
        },
        received: inbox.take,
        close: () => raw.destroy(),
      };
    },
  },
};

/** A client's settings with which requests go nowhere, and the bodies of those, without what we add. */
function capturing() {
  const inbox = createInbox<unknown>();
  const requestHandler = {
    async handle({ body }: { body: string }) {
      inbox.put(body.startsWith('{') ? withoutOurs(JSON.parse(body)) : queryWithoutOurs(body));
      throw new Error('sent nowhere');
    },
  };
  const credentials = { accessKeyId: 'any', secretAccessKey: 'any' };
  return {
    config: { region: 'eu-west-1', credentials, maxAttempts: 1, requestHandler: requestHandler as never },
    inbox,
  };
}

/** A request in JSON, with no attributes of ours, and no empty list of attributes. */
function withoutOurs(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutOurs);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(bare(value)).map(([key, inner]) => [key, withoutOurs(inner)] as const);
  const isEmpty = ([key, inner]: readonly [string, unknown]) =>
    key === 'MessageAttributes' && Object.keys(inner as object).length === 0;
  return Object.fromEntries(kept.filter((one) => !isEmpty(one)));
}

/** A request as a query string, with no attributes of ours: these stand behind the application's own. */
function queryWithoutOurs(body: string): unknown {
  const entries = [...new URLSearchParams(body)];
  const ours = entries
    .filter(([key, value]) => key.endsWith('.Name') && OURS.test(value))
    .map(([key]) => key.slice(0, -'Name'.length));
  return entries.filter(([key]) => !ours.some((prefix) => key.startsWith(prefix)));
}

const ASKED_FOR = /^(traceparent|tracestate|baggage|AWSTraceHeader|SentTimestamp)$/;

/** A consumer's request for messages, without the attributes that we ask for. */
const withoutAsked = (input: object) =>
  Object.fromEntries(
    Object.entries(input).map(([key, value]) => [
      key,
      Array.isArray(value) ? value.filter((asked) => !ASKED_FOR.test(asked)) : value,
    ]),
  );

const NOWHERE = /sent nowhere/;
const WRITES = /read only|not extensible|only a getter/;

/** What a call came to: what was sent, or what the client said. */
async function outcomeOf(
  connected: Connected,
  call: () => unknown,
): Promise<{ readonly sent?: unknown; readonly failed: unknown }> {
  let failed: unknown;
  try {
    await call();
  } catch (error) {
    failed = String(error);
    if (!NOWHERE.test(`${failed}`)) return { failed };
  }
  return { sent: await Promise.race([connected.received(), sleep(3_000, 'nothing arrived')]), failed };
}

for (const [client, { service, connect }] of Object.entries(CLIENTS)) {
  const url = service && process.env[urlVariable(service)];
  const missing =
    service !== undefined && url === undefined ? `${urlVariable(service)} is not set` : undefined;

  describe(`${client}${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
    let connected: Connected;
    beforeAll(async () => {
      if (missing === undefined) connected = await connect(url ?? '');
    });
    afterAll(() => connected?.close());

    it.skipIf(missing).each(Object.keys(SHAPES))(
      'sends as the bare client does, objects being %s',
      async (kind) => {
        const shape = SHAPES[kind] as (values: object) => never;
        for (const [what, send] of Object.entries(connected.calls)) {
          const expected = await outcomeOf(connected, () => send(false, shape));
          spans.reset();
          const outcome = await outcomeOf(connected, () => send(true, shape));
          // A client that writes into what it is given may write into our copy.
          if (WRITES.test(`${expected.failed}`)) expect(outcome.failed, what).toBeUndefined();
          else expect(outcome, what).toEqual(expected);
          if (expected.failed !== undefined && !NOWHERE.test(`${expected.failed}`)) continue;
          expect(spans.ended().length, `${what} was traced`).toBeGreaterThan(0);
        }
      },
    );
  });
}
