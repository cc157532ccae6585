import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

export default {
  async connect(url, { trace }) {
    const { Kafka, logLevel } = require('kafkajs');
    const kafka = new Kafka({ brokers: [new URL(url).host], logLevel: logLevel.NOTHING });
    const topic = `bench-${process.pid}`;
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
    await admin.disconnect();
    const traced = (name, client) => trace?.[name](client) ?? client;
    const producer = traced('traceProducer', kafka.producer());
    const consumer = traced('traceConsumer', kafka.consumer({ groupId: topic, maxWaitTimeInMs: 5 }));
    await producer.connect();
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    return {
      send: (value) => producer.send({ topic, messages: [{ value }] }),
      consume: (handler) => consumer.run({ eachMessage: handler, partitionsConsumedConcurrently: 1 }),
    };
  },
};
