import { SendMessageBatchCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { attributesOf, connectToSqs } from '../aws-queue.ts';
import type { ClientUnderTest } from '../client.ts';

export default {
  service: 'moto',
  redelivers: true,
  batches: true,
  durable: false,
  async connect(endpoint) {
    const { bare, client, queueUrl, consume, close } = connectToSqs(endpoint);
    return {
      async send(queue, MessageBody) {
        await client.send(new SendMessageCommand({ QueueUrl: await queueUrl(queue), MessageBody }));
      },
      async sendBare(queue, MessageBody, metadata) {
        const MessageAttributes = attributesOf(metadata);
        const QueueUrl = await queueUrl(queue);
        await bare.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageAttributes }));
      },
      async sendBatch(queue, bodies) {
        const Entries = bodies.map((MessageBody, index) => ({ Id: `${index}`, MessageBody }));
        await client.send(new SendMessageBatchCommand({ QueueUrl: await queueUrl(queue), Entries }));
      },
      consume: async (queue, handler) => consume(await queueUrl(queue), handler),
      close: async () => close(),
    };
  },
} satisfies ClientUnderTest;
