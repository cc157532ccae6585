import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { kafka } from './services/kafka.ts';
import { urlVariable } from './services/service.ts';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const folder = process.env.TL_CONFLUENT;
const url = process.env[urlVariable(kafka)];
const missing =
  (folder === undefined ? 'TL_CONFLUENT is not set, see build-confluent.sh' : undefined) ??
  (url === undefined ? `${urlVariable(kafka)} is not set` : undefined);

describe(`@confluentinc/kafka-javascript${missing ? ` (skipped: ${missing})` : ''}`, () => {
  const client = missing === undefined ? createRequire(import.meta.url)(folder as string) : undefined;
  const broker = url && new URL(url).host;
  const topic = `t${randomUUID()}`;

  it.skipIf(missing)('gives headers as Buffers in an object by its KafkaJS-like interface', async () => {
    const { Kafka, logLevel } = client.KafkaJS;
    const cluster = new Kafka({ kafkaJS: { brokers: [broker], logLevel: logLevel.NOTHING } });
    const admin = cluster.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic }] });
    await admin.disconnect();
    const producer = cluster.producer();
    await producer.connect();
    const headers = { traceparent: TRACEPARENT, twice: ['a', Buffer.from('b')] };
    await producer.send({ topic, messages: [{ value: 'x', headers }] });
    await producer.disconnect();

    const consumer = cluster.consumer({ kafkaJS: { groupId: topic, fromBeginning: true } });
    await consumer.connect();
    await consumer.subscribe({ topic });
    const received = await new Promise((resolve) => {
      consumer.run({ eachMessage: async ({ message }: { message: object }) => resolve(message) });
    });
    await consumer.disconnect();
    expect(received).toMatchObject({
      headers: { traceparent: Buffer.from(TRACEPARENT), twice: [Buffer.from('a'), Buffer.from('b')] },
    });
  });

  it.skipIf(missing)('gives headers as a list of objects by its librdkafka-like interface', async () => {
    const producer = new client.Producer({ 'bootstrap.servers': broker, dr_cb: true });
    producer.connect().setPollInterval(50);
    await once(producer, 'ready');
    producer.produce(`${topic}-2`, null, Buffer.from('x'), null, Date.now(), undefined, [
      { traceparent: TRACEPARENT },
    ]);
    await once(producer, 'delivery-report');
    producer.disconnect();

    const consumer = new client.KafkaConsumer(
      { 'bootstrap.servers': broker, 'group.id': `${topic}-2` },
      { 'auto.offset.reset': 'earliest' },
    );
    consumer.connect();
    await once(consumer, 'ready');
    consumer.subscribe([`${topic}-2`]);
    consumer.consume();
    const [message] = await once(consumer, 'data');
    consumer.disconnect();
    await once(consumer, 'disconnected');
    expect(message.headers).toEqual([{ traceparent: Buffer.from(TRACEPARENT) }]);
  });
});
