import { ServiceBusClient, type ServiceBusSender } from '@azure/service-bus';
import { traceReceiver, traceSender } from '@throughline/messaging/service-bus';
import type { ClientUnderTest } from '../client.ts';

export default {
  service: 'service-bus',
  redelivers: true,
  batches: true,
  durable: true,
  async connect(connectionString) {
    const client = new ServiceBusClient(connectionString);
    const senders = new Map<string, ServiceBusSender>();
    const senderOf = (queue: string) => {
      const sender = senders.get(queue) ?? client.createSender(queue);
      senders.set(queue, sender);
      return sender;
    };
    return {
      async send(queue, body) {
        await traceSender(senderOf(queue)).sendMessages({ body });
      },
      async sendBare(queue, body, applicationProperties) {
        await senderOf(queue).sendMessages({ body, applicationProperties });
      },
      async sendBatch(queue, bodies) {
        await traceSender(senderOf(queue)).sendMessages(bodies.map((body) => ({ body })));
      },
      async consume(queue, handler) {
        const receiver = traceReceiver(client.createReceiver(queue));
        receiver.subscribe({
          processMessage: ({ body }) => handler(body),
          // A handler that throws is told of here too; its message is abandoned and comes again.
          processError: async () => {},
        });
      },
      close: () => client.close(),
    };
  },
} satisfies ClientUnderTest;
