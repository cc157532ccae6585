import type { EventEmitter } from 'node:events';
import { createTelemetry } from '@throughline/messaging/bullmq';
import { Queue, Worker } from 'bullmq';
import type { ClientUnderTest } from '../client.ts';

export default {
  brokerUnknown: { send: false, process: false },
  service: 'redis',
  redelivers: true,
  // BullMQ takes one context for all jobs of a bulk.
  batches: false,
  durable: true,
  async connect(url) {
    const { hostname: host, port } = new URL(url);
    const connection = { host, port: Number(port) };
    const telemetry = createTelemetry();
    const open: { close(): Promise<unknown> }[] = [];
    const keep = <C extends Queue | Worker>(one: C): C => {
      // Without a listener, a broker that is restarted would end the process.
      (one as EventEmitter).on('error', () => {});
      open.push(one);
      return one;
    };
    const queue = (name: string, traced: boolean) =>
      keep(new Queue(name, { connection, ...(traced && { telemetry }) }));
    return {
      async send(name, body) {
        await queue(name, true).add('job', body, { attempts: 2 });
      },
      async sendBare(name, body, metadata) {
        await queue(name, false).add('job', body, {
          attempts: 2,
          telemetry: { metadata: JSON.stringify(metadata) },
        });
      },
      async consume(name, handler) {
        const processor = (job: { data: string }) => handler(job.data);
        await keep(new Worker(name, processor, { connection, telemetry })).waitUntilReady();
      },
      async close() {
        await Promise.all(open.map((one) => one.close()));
      },
    };
  },
} satisfies ClientUnderTest;
