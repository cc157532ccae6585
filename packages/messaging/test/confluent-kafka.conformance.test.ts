import { traceConsumer, traceHandler, traceProducer } from '@throughline/messaging/confluent-kafka';
import {
  defineMessagingConformance,
  type MessageToSend,
  type MessagingClientUnderTest,
  type MessagingTraceOptions,
} from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import {
  FakeConsumer,
  type FakeHeaders,
  FakeHighLevelProducer,
  FakeProducer,
  type FakeRdKafkaMessage,
  FakeTopics,
} from './fake-rdkafka.ts';

const TOPIC = 'orders';

/** The headers of a message, a name that has several values once for each. */
const listed = (metadata: MessageToSend['metadata'] = {}): FakeHeaders =>
  Object.entries(metadata).flatMap(([name, values]) => [values].flat().map((value) => ({ [name]: value })));

type Send = (
  kafka: FakeTopics,
  options: MessagingTraceOptions,
) => {
  readonly producer: FakeProducer;
  send(value: Buffer, headers?: FakeHeaders): unknown;
};

const queued: Send = (kafka, options) => {
  const producer = traceProducer(new FakeProducer(kafka), options);
  return {
    producer,
    send: (value, headers) => producer.produce(TOPIC, null, value, null, Date.now(), undefined, headers),
  };
};

const delivered: Send = (kafka, options) => {
  const producer = traceProducer(new FakeHighLevelProducer(kafka), options);
  return {
    producer,
    send: (value, headers) =>
      new Promise((resolve, reject) => {
        const onDelivery = (error: unknown, offset: unknown) => (error ? reject(error) : resolve(offset));
        if (headers) producer.produce(TOPIC, null, value, null, Date.now(), headers, onDelivery);
        else producer.produce(TOPIC, null, value, null, Date.now(), onDelivery);
      }),
  };
};

const connectWith =
  (sender: Send) =>
  (options: MessagingTraceOptions): MessagingClientUnderTest => {
    const kafka = new FakeTopics();
    const { producer, send } = sender(kafka, options);
    const raw = new FakeConsumer(kafka);
    const consumer = traceConsumer(raw, options);
    const messages = new WeakMap<object, FakeRdKafkaMessage>();
    const handed = (message: FakeRdKafkaMessage) => {
      const toHandle = { body: String(message.value), settle: () => consumer.commitMessage(message) };
      messages.set(toHandle, message);
      return toHandle;
    };
    return {
      wrapped: {
        client: producer,
        method: 'produce',
        handsBack: { 'on()': () => producer.on('delivery-report', () => {}) },
      },
      async send({ body, metadata }, passed) {
        const headers = metadata && listed(metadata);
        passed?.(headers);
        return send(Buffer.from(body), headers);
      },
      async consume(handler, outcome) {
        if (outcome)
          raw.outcomes = async (result) => {
            try {
              outcome({ value: await result() });
            } catch (error) {
              outcome({ error });
            }
          };
        consumer.on('data', (message) => handler(handed(message)));
        consumer.consume();
      },
      async consumeBatch(handler) {
        consumer.consume(10, (_error, found) =>
          handler((found as FakeRdKafkaMessage[]).map(handed), (message, handle) =>
            traceHandler(handle, options)(messages.get(message) as FakeRdKafkaMessage),
          ),
        );
      },
      async plant(planted) {
        kafka.append(
          planted.map(({ body, metadata, timestamp = Date.now() }, offset) => ({
            topic: TOPIC,
            partition: 0,
            offset,
            timestamp,
            key: null,
            value: Buffer.from(body),
            headers: listed(metadata),
          })),
        );
      },
      async take() {
        const message = kafka.topics.get(TOPIC)?.shift();
        if (!message) throw new Error('nothing was sent');
        const metadata: Record<string, string[]> = {};
        for (const [name, value] of (message.headers ?? []).flatMap((header) => Object.entries(header)))
          metadata[name] = [...(metadata[name] ?? []), String(value)];
        return { body: String(message.value), metadata };
      },
      failNextSend(error) {
        kafka.failure = error;
      },
    };
  };

for (const [name, sender] of [
  ['confluent-kafka, produce()', queued],
  ['confluent-kafka, high-level produce()', delivered],
] as const)
  defineMessagingConformance(
    { describe, it },
    {
      name,
      sdk: sdk3,
      system: 'kafka',
      names: {
        send: 'send orders',
        process: 'process orders',
        receive: 'consume orders',
        settle: 'commit orders',
      },
      capabilities: { sendBatch: { reason: 'librdkafka takes messages one by one' } },
      connect: connectWith(sender),
    },
  );
