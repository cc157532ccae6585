import { traceChannel } from '@throughline/messaging/amqplib';
import { connect } from 'amqplib';
import type { ClientUnderTest } from '../client.ts';

export default {
  service: 'rabbitmq',
  redelivers: true,
  batches: false,
  durable: true,
  async connect(url) {
    const connection = await connect(url);
    // Without a listener, a broker that is restarted would end the process.
    connection.on('error', () => {});
    const bare = await connection.createConfirmChannel();
    bare.on('error', () => {});
    const channel = traceChannel(bare);
    const toQueue = (on: typeof bare, queue: string, body: string, headers?: Record<string, string>) =>
      new Promise<void>((resolve, reject) => {
        const options = { persistent: true, ...(headers && { headers }) };
        on.sendToQueue(queue, Buffer.from(body), options, (error) => (error ? reject(error) : resolve()));
      });
    return {
      async send(queue, body) {
        await channel.assertQueue(queue);
        await toQueue(channel, queue, body);
      },
      async sendBare(queue, body, headers) {
        await bare.assertQueue(queue);
        await toQueue(bare, queue, body, headers);
      },
      async consume(queue, handler) {
        await channel.assertQueue(queue);
        await channel.consume(queue, async (message) => {
          if (message === null) return;
          try {
            await handler(message.content.toString());
            channel.ack(message);
          } catch {
            channel.nack(message);
          }
        });
      },
      async close() {
        // The channel first: its last acknowledgements go out before it closes, and not always before the connection does.
        await bare.close();
        await connection.close();
      },
    };
  },
} satisfies ClientUnderTest;
