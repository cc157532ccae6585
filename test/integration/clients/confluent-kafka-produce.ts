import { traceConsumer, traceProducer } from '@throughline/messaging/confluent-kafka';
import type { ClientUnderTest } from '../client.ts';
import { loadConfluent, missingConfluent } from '../confluent.ts';

interface Message {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly value: Buffer;
}

/** The client's API after librdkafka: callbacks and events. */
export default {
  service: 'kafka',
  missing: missingConfluent,
  redelivers: true,
  batches: false,
  durable: true,
  async connect(url) {
    const { HighLevelProducer, KafkaConsumer, KafkaJS } = loadConfluent();
    const broker = { 'bootstrap.servers': new URL(url).host, log_level: 0 };
    const admin = new KafkaJS.Kafka(broker).admin();
    await admin.connect();
    const bare = new HighLevelProducer(broker);
    const producer = traceProducer(bare);
    const told = (start: (done: (error: unknown) => void) => unknown) =>
      new Promise<void>((resolve, reject) => {
        start((error) => (error ? reject(error) : resolve()));
      });
    await told((done) => producer.connect({}, done));
    producer.setPollInterval(20);
    const leave = [() => new Promise<void>((resolve) => producer.disconnect(() => resolve()))];
    const produce = (through: typeof bare, topic: string, body: string, headers?: object[]) =>
      told((done) => {
        const message = [topic, null, Buffer.from(body), null, Date.now()];
        return headers ? through.produce(...message, headers, done) : through.produce(...message, done);
      });
    return {
      send: (topic, body) => produce(producer, topic, body),
      sendBare: (topic, body, metadata) =>
        produce(
          bare,
          topic,
          body,
          Object.entries(metadata).map(([name, value]) => ({ [name]: value })),
        ),
      async consume(topic, handler) {
        await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
        const group = { 'group.id': topic, 'enable.auto.commit': false };
        const consumer = traceConsumer(
          new KafkaConsumer({ ...broker, ...group }, { 'auto.offset.reset': 'earliest' }),
          { consumerGroup: topic },
        );
        consumer.on('data', async (message: Message) => {
          try {
            await handler(String(message.value));
            consumer.commitMessage(message);
          } catch {
            consumer.seek(message, 1000, () => {});
          }
        });
        await told((done) => consumer.connect({}, done));
        leave.push(() => new Promise<void>((resolve) => consumer.disconnect(() => resolve())));
        consumer.subscribe([topic]);
        consumer.consume();
      },
      async close() {
        await Promise.all(leave.map((disconnect) => disconnect()));
        await admin.disconnect();
      },
    };
  },
} satisfies ClientUnderTest;
