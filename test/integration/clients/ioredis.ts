import { traceClient, traceHandler } from '@throughline/messaging/ioredis';
import { Redis } from 'ioredis';
import type { ClientUnderTest } from '../client.ts';

const GROUP = 'mailer';

export default {
  service: 'redis',
  redelivers: true,
  // Redis adds entries one by one.
  batches: false,
  durable: true,
  async connect(url) {
    const connect = () => {
      const redis = new Redis(url, { maxRetriesPerRequest: null });
      // Without a listener, a broker that is restarted would end the process.
      return redis.on('error', () => {});
    };
    const bare = connect();
    const redis = traceClient(bare);
    const loops: { stop(): Promise<void> }[] = [];

    /**
     * Works through the group's entries: those that were read and not done first. A broker that has not yet noticed that a
     * reader is gone may give it one more.
     */
    async function work(stream: string, handler: (body: string) => Promise<void>): Promise<void> {
      const blocking = connect();
      const reader = traceClient(blocking);
      const handle = traceHandler(async ([id, fields]: [string, string[]]) => {
        await handler(fields[fields.indexOf('body') + 1] as string);
        await reader.xack(stream, GROUP, id);
      });
      let open = true;
      const loop = (async () => {
        for (let from = '0'; open; ) {
          const words = ['COUNT', 1, 'BLOCK', 1_000, 'STREAMS', stream, from] as const;
          const reply = (await reader.xreadgroup('GROUP', GROUP, 'one', ...words).catch(() => null)) as
            | [string, [string, string[]][]][]
            | null;
          const entry = reply?.[0]?.[1][0];
          from = '>';
          if (entry === undefined) continue;
          try {
            await handle(entry);
          } catch {
            from = '0';
          }
        }
      })();
      loops.push({
        async stop() {
          open = false;
          blocking.disconnect();
          await loop;
        },
      });
    }

    return {
      async send(stream, body) {
        await redis.xadd(stream, '*', 'body', body);
      },
      async sendBare(stream, body, metadata) {
        await bare.xadd(stream, '*', 'body', body, ...Object.entries(metadata).flat());
      },
      async consume(stream, handler) {
        await bare.xgroup('CREATE', stream, GROUP, '0', 'MKSTREAM').catch(() => {});
        void work(stream, handler);
      },
      async close() {
        await Promise.all(loops.map((loop) => loop.stop()));
        bare.disconnect();
      },
    };
  },
} satisfies ClientUnderTest;
