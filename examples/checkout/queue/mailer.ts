import { traceChannel } from '@throughline/messaging/amqplib';
import { createTelemetry } from '@throughline/messaging/bullmq';
import amqp from 'amqplib';
import { Queue } from 'bullmq';
import { startTracing } from '../tracing.ts';
import { ORDER_PLACED, type PlacedOrder } from './order-announcer.ts';

startTracing('mailer');

const rabbitmqUrl = process.env.RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672';
const redisUrl = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';

const mails = new Queue('send-mail', { connection: { url: redisUrl }, telemetry: createTelemetry() });

const connection = await amqp.connect(rabbitmqUrl);
const plain = await connection.createChannel();
// `--break forget-channel` shows what happens to a consumer that was forgotten.
const channel = process.env.FORGET_CHANNEL ? plain : traceChannel(plain);
await channel.assertQueue(ORDER_PLACED);

await channel.consume(ORDER_PLACED, async (message) => {
  // The broker has cancelled the consumer.
  if (message === null) return;
  const { order, cart, total } = JSON.parse(message.content.toString()) as PlacedOrder;
  await mails.add('order-placed', { order, cart, total }, { removeOnComplete: true, attempts: 3 });
  channel.ack(message);
});
console.log(`mailer listening on ${ORDER_PLACED}`);
