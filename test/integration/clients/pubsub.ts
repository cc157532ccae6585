import { type Message, PubSub } from '@google-cloud/pubsub';
import { traceSubscription, traceTopic } from '@throughline/messaging/pubsub';
import type { ClientUnderTest } from '../client.ts';

export default {
  service: 'pubsub',
  redelivers: true,
  batches: false,
  durable: true,
  async connect(url) {
    const client = new PubSub({ projectId: 'any', apiEndpoint: new URL(url).host, emulatorMode: true });
    const topicOf = async (name: string) => (await client.topic(name).get({ autoCreate: true }))[0];
    return {
      async send(topic, body) {
        await traceTopic(await topicOf(topic)).publishMessage({ data: Buffer.from(body) });
      },
      async sendBare(topic, body, attributes) {
        await (await topicOf(topic)).publishMessage({ data: Buffer.from(body), attributes });
      },
      async consume(topic, handler) {
        const [bare] = await (await topicOf(topic)).createSubscription(`${topic}-consumer`);
        const subscription = traceSubscription(bare);
        // Without a listener, a broker that is restarted would end the process.
        subscription.on('error', () => {});
        subscription.on('message', async (message: Message) => {
          try {
            await handler(`${message.data}`);
            message.ack();
          } catch {
            message.nack();
          }
        });
      },
      close: () => client.close(),
    };
  },
} satisfies ClientUnderTest;
