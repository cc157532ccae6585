import { traceConsumer, traceHandler } from '@throughline/messaging/kafkajs';
import { Kafka, type KafkaMessage, logLevel } from 'kafkajs';
import type { ClientUnderTest } from '../client.ts';
import kafkajs from './kafkajs.ts';

/** kafkajs with the consumer's other way: the handler gets a batch and has each message traced. */
export default {
  ...kafkajs,
  async connect(url) {
    const kafka = new Kafka({ clientId: 'tl', brokers: [new URL(url).host], logLevel: logLevel.NOTHING });
    const connection = await kafkajs.connect(url);
    const admin = kafka.admin();
    await admin.connect();
    const leave = [connection.close, admin.disconnect];
    return {
      ...connection,
      async consume(topic, handler) {
        await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
        const consumer = traceConsumer(kafka.consumer({ groupId: topic }));
        await consumer.connect();
        leave.push(() => consumer.disconnect());
        await consumer.subscribe({ topic, fromBeginning: true });
        const handle = traceHandler((message: KafkaMessage) => handler(String(message.value)), {
          relation: 'both',
        });
        await consumer.run({
          async eachBatch({ batch, resolveOffset, heartbeat }) {
            for (const message of batch.messages) {
              await handle(message);
              resolveOffset(message.offset);
              await heartbeat();
            }
          },
        });
      },
      async close() {
        await Promise.all(leave.map((close) => close()));
      },
    };
  },
} satisfies ClientUnderTest;
