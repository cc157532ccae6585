import { ROOT_CONTEXT } from '@opentelemetry/api';
import { createJobTracer, type SerializedContext } from '@throughline/messaging/jobs';
import Bull from 'bull';
import type { ClientUnderTest } from '../client.ts';

interface Data {
  readonly body: string;
  readonly trace: SerializedContext | undefined;
}

export default {
  brokerUnknown: { send: false, process: false },
  service: 'redis',
  redelivers: true,
  // `addBulk` of Bull is one call of the application, which traces each of its jobs.
  batches: false,
  durable: true,
  async connect(url) {
    const jobs = createJobTracer('bull');
    const queues = new Map<string, Bull.Queue<Data>>();
    const queue = (name: string): Bull.Queue<Data> => {
      const known = queues.get(name);
      if (known !== undefined) return known;
      const made = new Bull<Data>(name, url, { redis: { maxRetriesPerRequest: null } });
      // Without a listener, a broker that is restarted would end the process.
      made.on('error', () => {});
      queues.set(name, made);
      return made;
    };
    return {
      async send(destination, body) {
        await jobs.send({ destination, carrier: undefined }, (trace) =>
          queue(destination).add({ body, trace }, { attempts: 2 }),
        );
      },
      async sendBare(destination, body, metadata) {
        await queue(destination).add({ body, trace: metadata }, { attempts: 2 });
      },
      async consume(destination, handler) {
        queue(destination).process(({ id, data, timestamp }) => {
          const message = { destination, carrier: data.trace, messageId: String(id), timestamp };
          return jobs.process(message, () => handler(data.body), { ambient: ROOT_CONTEXT });
        });
        await queue(destination).isReady();
      },
      async close() {
        await Promise.all([...queues.values()].map((one) => one.close()));
      },
    };
  },
} satisfies ClientUnderTest;
