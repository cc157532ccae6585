import { setTimeout as delay } from 'node:timers/promises';
import { createTelemetry } from '@throughline/messaging/bullmq';
import { Worker } from 'bullmq';
import { startTracing } from '../tracing.ts';

startTracing('mail-worker');

const redisUrl = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';

const worker = new Worker('send-mail', send, { connection: { url: redisUrl }, telemetry: createTelemetry() });
worker.on('error', console.error);

/** Stands in for the delivery to a mail server. */
async function send() {
  await delay(8);
}

await worker.waitUntilReady();
console.log('mail-worker listening on send-mail');
