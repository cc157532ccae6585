import * as confluentKafka from '@throughline/messaging/confluent-kafka';
import * as kafkajs from '@throughline/messaging/kafkajs';
import {
  defineMessagingConformance,
  type MessageToSend,
  type MessagingClientUnderTest,
  type MessagingTraceOptions,
} from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { FakeKafka, type FakeKafkaMessage, type FakeRecord } from './fake-kafka.ts';

const TOPIC = 'orders';

type Module = Pick<typeof kafkajs, 'traceConsumer' | 'traceHandler' | 'traceProducer'>;

/** Confluent's client has an API after kafkajs: the same methods and messages. */
const MODULES: readonly [name: string, Module][] = [
  ['kafkajs', kafkajs],
  ['confluent-kafka, KafkaJS API', confluentKafka],
];

for (const [name, module] of MODULES)
  defineMessagingConformance(
    { describe, it },
    {
      name,
      sdk: sdk3,
      system: 'kafka',
      names: {
        send: 'send orders',
        create: 'create orders',
        process: 'process orders',
        receive: 'poll orders',
        settle: 'commit orders',
      },
      connect: (options) => connect(module, options),
      capabilities: { handsBack: { reason: 'no method of a producer returns a client' } },
    },
  );

function connect(
  { traceConsumer, traceHandler, traceProducer }: Module,
  options: MessagingTraceOptions,
): MessagingClientUnderTest {
  const kafka = new FakeKafka();
  const producer = traceProducer(kafka.producer(), options);
  const consumer = traceConsumer(kafka.consumer({ groupId: 'mailer' }), options);
  const raw = new WeakMap<object, FakeKafkaMessage>();
  const handed = (message: FakeKafkaMessage) => {
    const toHandle = {
      body: String(message.value),
      settle: () => consumer.commitOffsets([{ topic: TOPIC, partition: 0, offset: message.offset }]),
    };
    raw.set(toHandle, message);
    return toHandle;
  };
  return {
    wrapped: { client: producer, method: 'send' },
    async send(message, passed) {
      const record = { topic: TOPIC, messages: [recordOf(message)] };
      passed?.(record);
      return producer.send(record);
    },
    sendBatch: (messages) => producer.send({ topic: TOPIC, messages: messages.map(recordOf) }),
    async consume(handler, outcome) {
      if (outcome)
        kafka.outcomes = async (result) => {
          try {
            outcome({ value: await result() });
          } catch (error) {
            outcome({ error });
          }
        };
      // The cast: kafkajs wants a promise, and gets whatever the handler returns.
      return consumer.run({ eachMessage: ({ message }) => handler(handed(message)) as Promise<void> });
    },
    consumeBatch: (handler) =>
      consumer.run({
        eachBatch: async ({ batch }) => {
          await handler(batch.messages.map(handed), (message, handle) =>
            traceHandler(handle, options)(raw.get(message) as FakeKafkaMessage),
          );
        },
      }),
    async plant(messages) {
      kafka.append(TOPIC, messages.map(recordOf));
    },
    async take() {
      const message = kafka.topics.get(TOPIC)?.shift();
      if (!message) throw new Error('nothing was sent');
      const entries = Object.entries(message.headers);
      return {
        body: String(message.value),
        metadata: Object.fromEntries(entries.map(([name, value]) => [name, [value].flat().map(String)])),
      };
    },
    failNextSend(error) {
      kafka.failure = error;
    },
  };
}

function recordOf({ body, metadata, timestamp }: MessageToSend): FakeRecord {
  // The cast: the kit's lists are read-only.
  const headers = metadata && ({ ...metadata } as NonNullable<FakeRecord['headers']>);
  return {
    value: body,
    ...(headers && { headers }),
    ...(timestamp !== undefined && { timestamp: `${timestamp}` }),
  };
}
