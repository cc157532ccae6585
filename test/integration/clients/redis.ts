import { traceClient, traceHandler } from '@throughline/messaging/redis';
import { createClient } from 'redis';
import type { ClientUnderTest } from '../client.ts';

const GROUP = 'mailer';

interface Entry {
  readonly id: string;
  readonly message: { readonly [field: string]: string };
}

export default {
  service: 'redis',
  redelivers: true,
  // Redis adds entries one by one.
  batches: false,
  durable: true,
  async connect(url) {
    const connect = async () => {
      const redis = createClient({ url, socket: { reconnectStrategy: 50 } });
      // Without a listener, a broker that is restarted would end the process.
      redis.on('error', () => {});
      return redis.connect();
    };
    const bare = await connect();
    const redis = traceClient(bare);
    const loops: { stop(): Promise<void> }[] = [];

    /**
     * Works through the group's entries: those that were read and not done first. A broker that has not yet noticed that a
     * reader is gone may give it one more.
     */
    async function work(key: string, handler: (body: string) => Promise<void>): Promise<void> {
      const blocking = await connect();
      const reader = traceClient(blocking);
      const handle = traceHandler(async ({ id, message }: Entry) => {
        await handler(message.body as string);
        await reader.xAck(key, GROUP, id);
      });
      let open = true;
      const loop = (async () => {
        for (let id = '0'; open; ) {
          const how = { COUNT: 1, BLOCK: 1_000 };
          const reply = (await reader.xReadGroup(GROUP, 'one', { key, id }, how).catch(() => null)) as
            | { messages: Entry[] }[]
            | null;
          const entry = reply?.[0]?.messages[0];
          id = '>';
          if (entry === undefined) continue;
          try {
            await handle(entry);
          } catch {
            id = '0';
          }
        }
      })();
      loops.push({
        async stop() {
          open = false;
          blocking.destroy();
          await loop;
        },
      });
    }

    return {
      async send(stream, body) {
        await redis.xAdd(stream, '*', { body });
      },
      async sendBare(stream, body, metadata) {
        await bare.xAdd(stream, '*', { body, ...metadata });
      },
      async consume(stream, handler) {
        await bare.xGroupCreate(stream, GROUP, '0', { MKSTREAM: true }).catch(() => {});
        await work(stream, handler);
      },
      async close() {
        await Promise.all(loops.map((loop) => loop.stop()));
        bare.destroy();
      },
    };
  },
} satisfies ClientUnderTest;
