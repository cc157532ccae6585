import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { ServiceBusClient } from '@azure/service-bus';
import { type Message, PubSub } from '@google-cloud/pubsub';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats, headers } from '@nats-io/transport-node';
import amqp from 'amqplib';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import mqtt from 'mqtt';
import { describe, expect, it } from 'vitest';
import { kafka } from './services/kafka.ts';
import { mosquitto } from './services/mosquitto.ts';
import { moto } from './services/moto.ts';
import { nats } from './services/nats.ts';
import { pubsub } from './services/pubsub.ts';
import { rabbitmq } from './services/rabbitmq.ts';
import { redis } from './services/redis.ts';
import { type Service, urlVariable } from './services/service.ts';
import { serviceBus } from './services/service-bus.ts';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** Sends {@link TRACEPARENT} through a client alone, and returns what it received with the message. */
type RoundTrip = (url: string, name: string) => Promise<unknown>;

const aws = { region: 'us-east-1', credentials: { accessKeyId: 'any', secretAccessKey: 'any' } };

const ROUND_TRIPS: readonly [what: string, service: Service, roundTrip: RoundTrip][] = [
  [
    'an entry of a Redis stream',
    redis,
    async (url, name) => {
      const client = new Redis(url);
      await client.xadd(name, '*', 'traceparent', TRACEPARENT);
      const [entry] = await client.xrange(name, '-', '+');
      client.disconnect();
      return entry?.[1][1];
    },
  ],
  [
    'headers of RabbitMQ',
    rabbitmq,
    async (url, name) => {
      const connection = await amqp.connect(url);
      const channel = await connection.createConfirmChannel();
      await channel.assertQueue(name);
      channel.sendToQueue(name, Buffer.from('x'), { headers: { traceparent: TRACEPARENT } });
      await channel.waitForConfirms();
      const message = await channel.get(name, { noAck: true });
      await connection.close();
      return message ? message.properties.headers?.traceparent : undefined;
    },
  ],
  [
    'headers of JetStream',
    nats,
    async (url, name) => {
      const connection = await connectNats({ servers: url });
      const manager = await jetstreamManager(connection);
      await manager.streams.add({ name, subjects: [name] });
      const sent = headers();
      sent.set('traceparent', TRACEPARENT);
      await jetstream(connection).publish(name, 'x', { headers: sent });
      await manager.consumers.add(name, { durable_name: 'consumer', ack_policy: 'explicit' });
      const message = await (await jetstream(connection).consumers.get(name, 'consumer')).next();
      await connection.close();
      return message?.headers?.get('traceparent');
    },
  ],
  [
    'user properties of MQTT 5',
    mosquitto,
    async (url, name) => {
      const client = await mqtt.connectAsync(url, { protocolVersion: 5 });
      await client.subscribeAsync(name);
      const received = new Promise<mqtt.IPublishPacket>((resolve) => {
        client.once('message', (_topic, _payload, packet) => resolve(packet));
      });
      await client.publishAsync(name, 'x', { properties: { userProperties: { traceparent: TRACEPARENT } } });
      const { properties } = await received;
      await client.endAsync();
      return properties?.userProperties?.traceparent;
    },
  ],
  [
    'headers of Kafka',
    kafka,
    async (url, name) => {
      const client = new Kafka({ brokers: [new URL(url).host], logLevel: logLevel.NOTHING });
      const producer = client.producer();
      await producer.connect();
      await producer.send({
        topic: name,
        messages: [{ value: 'x', headers: { traceparent: TRACEPARENT } }],
      });
      await producer.disconnect();
      const consumer = client.consumer({ groupId: name });
      await consumer.connect();
      await consumer.subscribe({ topic: name, fromBeginning: true });
      const header = await new Promise((resolve) => {
        consumer.run({ eachMessage: async ({ message }) => resolve(message.headers?.traceparent) });
      });
      await consumer.disconnect();
      return `${header}`;
    },
  ],
  [
    'message attributes of SQS',
    moto,
    async (url, name) => {
      const client = new SQSClient({ ...aws, endpoint: url });
      const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: name }));
      await client.send(
        new SendMessageCommand({
          QueueUrl,
          MessageBody: 'x',
          MessageAttributes: { traceparent: { DataType: 'String', StringValue: TRACEPARENT } },
        }),
      );
      const { Messages } = await client.send(
        new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ['traceparent'], WaitTimeSeconds: 5 }),
      );
      return Messages?.[0]?.MessageAttributes?.traceparent?.StringValue;
    },
  ],
  [
    'message attributes of SNS, delivered raw to SQS',
    moto,
    async (url, name) => {
      const sqs = new SQSClient({ ...aws, endpoint: url });
      const sns = new SNSClient({ ...aws, endpoint: url });
      const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
      const { Attributes } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
      );
      const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: name }));
      await sns.send(
        new SubscribeCommand({
          TopicArn,
          Protocol: 'sqs',
          Endpoint: Attributes?.QueueArn,
          Attributes: { RawMessageDelivery: 'true' },
        }),
      );
      await sns.send(
        new PublishCommand({
          TopicArn,
          Message: 'x',
          MessageAttributes: { traceparent: { DataType: 'String', StringValue: TRACEPARENT } },
        }),
      );
      const { Messages } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ['All'], WaitTimeSeconds: 5 }),
      );
      return Messages?.[0]?.MessageAttributes?.traceparent?.StringValue;
    },
  ],
  [
    'attributes of Pub/Sub (a double)',
    pubsub,
    async (url, name) => {
      const client = new PubSub({ projectId: 'any', apiEndpoint: new URL(url).host, emulatorMode: true });
      const [topic] = await client.createTopic(name);
      const [subscription] = await topic.createSubscription(name);
      await topic.publishMessage({ data: Buffer.from('x'), attributes: { traceparent: TRACEPARENT } });
      const [message] = (await once(subscription, 'message')) as [Message];
      message.ack();
      await subscription.close();
      await client.close();
      return message.attributes.traceparent;
    },
  ],
  [
    'application properties of Service Bus (a double)',
    serviceBus,
    async (url, name) => {
      const client = new ServiceBusClient(url);
      await client
        .createSender(name)
        .sendMessages({ body: 'x', applicationProperties: { traceparent: TRACEPARENT } });
      const receiver = client.createReceiver(name);
      const [message] = await receiver.receiveMessages(1);
      if (message) {
        await receiver.completeMessage(message);
      }
      await client.close();
      return message?.applicationProperties?.traceparent;
    },
  ],
];

describe('a traceparent comes back through the client alone', () => {
  for (const [what, service, roundTrip] of ROUND_TRIPS) {
    const url = process.env[urlVariable(service)];
    const title = url === undefined ? `${what} (skipped: ${urlVariable(service)} is not set)` : what;
    it.skipIf(url === undefined)(title, async () => {
      expect(await roundTrip(url as string, `t${randomUUID()}`)).toBe(TRACEPARENT);
    });
  }
});
