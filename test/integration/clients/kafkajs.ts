import { traceConsumer, traceProducer } from '@throughline/messaging/kafkajs';
import { Kafka, logLevel } from 'kafkajs';
import type { ClientUnderTest } from '../client.ts';

export default {
  service: 'kafka',
  redelivers: true,
  batches: true,
  durable: true,
  async connect(url) {
    const kafka = new Kafka({ clientId: 'tl', brokers: [new URL(url).host], logLevel: logLevel.NOTHING });
    const bare = kafka.producer();
    const producer = traceProducer(bare);
    await producer.connect();
    const admin = kafka.admin();
    await admin.connect();
    const leave: (() => Promise<void>)[] = [];
    return {
      async send(topic, value) {
        await producer.send({ topic, messages: [{ value }] });
      },
      async sendBare(topic, value, headers) {
        await bare.send({ topic, messages: [{ value, headers }] });
      },
      async sendBatch(topic, bodies) {
        await producer.sendBatch({
          topicMessages: [{ topic, messages: bodies.map((value) => ({ value })) }],
        });
      },
      async consume(topic, handler) {
        // Without one, the consumer may join before the topic's metadata is there.
        await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
        const consumer = traceConsumer(kafka.consumer({ groupId: topic }));
        await consumer.connect();
        leave.push(() => consumer.disconnect());
        await consumer.subscribe({ topic, fromBeginning: true });
        await consumer.run({ eachMessage: ({ message }) => handler(String(message.value)) });
      },
      async close() {
        await Promise.all(
          [...leave, producer.disconnect, admin.disconnect].map((disconnect) => disconnect()),
        );
      },
    };
  },
} satisfies ClientUnderTest;
