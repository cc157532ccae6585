import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

export default {
  async connect(url, { trace, telemetry = trace?.createTelemetry() }) {
    const { Queue, Worker } = require('bullmq');
    const { hostname: host, port } = new URL(url);
    const options = { connection: { host, port: Number(port), maxRetriesPerRequest: null }, telemetry };
    const name = `bench-${process.pid}`;
    const queue = new Queue(name, { ...options, defaultJobOptions: { removeOnComplete: true } });
    return {
      send: (body) => queue.add('job', { body: body.toString() }),
      async consume(handler) {
        const worker = new Worker(name, handler, { ...options, concurrency: 32 });
        await worker.waitUntilReady();
      },
    };
  },
};
