import { connect, headers, type Msg, type MsgCallback } from '@nats-io/transport-node';
import { traceConnection } from '@throughline/messaging/nats';
import type { ClientUnderTest } from '../client.ts';

export default {
  service: 'nats',
  redelivers: false,
  batches: false,
  durable: false,
  async connect(url) {
    const bare = await connect({ servers: url });
    const connection = traceConnection(bare, { headers });
    return {
      async send(subject, body) {
        connection.publish(subject, body);
        await connection.flush();
      },
      async sendBare(subject, body, metadata) {
        const planted = headers();
        for (const [name, value] of Object.entries(metadata)) planted.set(name, value);
        bare.publish(subject, body, { headers: planted });
        await bare.flush();
      },
      async consume(subject, handler) {
        // The cast: a callback may well return a promise, though the type allows only one that never resolves.
        const callback = ((_error, message) => handler(message.string())) as MsgCallback<Msg>;
        connection.subscribe(subject, { callback });
        await connection.flush();
      },
      close: () => bare.close(),
    };
  },
} satisfies ClientUnderTest;
