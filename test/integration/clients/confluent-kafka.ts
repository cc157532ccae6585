import { traceConsumer, traceProducer } from '@throughline/messaging/confluent-kafka';
import type { ClientUnderTest } from '../client.ts';
import { loadConfluent, missingConfluent } from '../confluent.ts';

/** The client's API after kafkajs. */
export default {
  service: 'kafka',
  missing: missingConfluent,
  redelivers: true,
  batches: true,
  durable: true,
  async connect(url) {
    const { KafkaJS } = loadConfluent();
    const kafka = new KafkaJS.Kafka({ 'bootstrap.servers': new URL(url).host, log_level: 0 });
    const bare = kafka.producer();
    const producer = traceProducer(bare);
    const admin = kafka.admin();
    await Promise.all([producer.connect(), admin.connect()]);
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
        await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
        const group = { 'group.id': topic, 'auto.offset.reset': 'earliest' };
        const consumer = traceConsumer(kafka.consumer(group), { consumerGroup: topic });
        await consumer.connect();
        leave.push(() => consumer.disconnect());
        await consumer.subscribe({ topic });
        await consumer.run({ eachMessage: ({ message }) => handler(String(message.value)) });
      },
      async close() {
        await Promise.all(leave.map((disconnect) => disconnect()));
        await Promise.all([producer.disconnect(), admin.disconnect()]);
      },
    };
  },
} satisfies ClientUnderTest;
