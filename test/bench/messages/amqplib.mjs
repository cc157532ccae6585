import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** A confirm channel: every publish is confirmed and every message acknowledged. */
export default {
  async connect(url, { trace }) {
    // Otherwise a small frame waits 40 ms for the acknowledgement of the one before, and nothing ever gets warm.
    const connection = await require('amqplib').connect(url, { noDelay: true });
    const bare = await connection.createConfirmChannel();
    const channel = trace?.traceChannel(bare) ?? bare;
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.prefetch(64);
    return {
      send: (body) =>
        new Promise((resolve, reject) => {
          channel.sendToQueue(queue, body, { messageId: '1' }, (error) =>
            error ? reject(error) : resolve(),
          );
        }),
      consume: (handler) =>
        channel.consume(queue, async (message) => {
          await handler();
          channel.ack(message);
        }),
    };
  },
};
