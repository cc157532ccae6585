import { type JsMsg, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers } from '@nats-io/transport-node';
import { traceConnection, traceConsumer, traceHandler, traceJetStream } from '@throughline/messaging/nats';
import type { ClientUnderTest } from '../client.ts';

export default {
  service: 'nats',
  redelivers: true,
  batches: false,
  durable: true,
  async connect(url) {
    const bare = await connect({ servers: url });
    // As in an application that uses both: what JetStream does by a traced connection must not count twice.
    const connection = traceConnection(bare, { headers });
    const js = traceJetStream(jetstream(connection), { headers });
    const manager = await jetstreamManager(connection);
    const name = 'mailer';
    return {
      async send(subject, body) {
        await js.publish(subject, body);
      },
      async sendBare(subject, body, metadata) {
        const planted = headers();
        for (const [key, value] of Object.entries(metadata)) planted.set(key, value);
        await jetstream(bare).publish(subject, body, { headers: planted });
      },
      async consume(subject, handler) {
        await manager.streams.add({ name: subject, subjects: [subject] });
        await manager.consumers.add(subject, { durable_name: name, ack_policy: 'explicit' });
        const consumer = traceConsumer(await js.consumers.get(subject, name), { headers });
        const handle = traceHandler(
          async (message: JsMsg) => {
            try {
              await handler(message.string());
              await message.ackAck();
            } catch {
              message.nak();
            }
          },
          { headers },
        );
        const messages = await consumer.consume();
        (async () => {
          for await (const message of messages) await handle(message);
        })();
      },
      close: () => bare.close(),
    };
  },
} satisfies ClientUnderTest;
