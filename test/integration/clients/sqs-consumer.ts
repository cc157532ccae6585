import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { traceConsumerOptions } from '@throughline/messaging/sqs-consumer';
import { Consumer } from 'sqs-consumer';
import { attributesOf, connectToSqs } from '../aws-queue.ts';
import type { ClientUnderTest } from '../client.ts';

export default {
  service: 'moto',
  redelivers: true,
  batches: false,
  durable: false,
  async connect(endpoint) {
    const { bare, client, queueUrl, close } = connectToSqs(endpoint);
    const consumers: Consumer[] = [];
    return {
      async send(queue, MessageBody) {
        await client.send(new SendMessageCommand({ QueueUrl: await queueUrl(queue), MessageBody }));
      },
      async sendBare(queue, MessageBody, metadata) {
        const MessageAttributes = attributesOf(metadata);
        const QueueUrl = await queueUrl(queue);
        await bare.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageAttributes }));
      },
      async consume(queue, handler) {
        const consumer = Consumer.create(
          traceConsumerOptions({
            queueUrl: await queueUrl(queue),
            sqs: bare,
            waitTimeSeconds: 1,
            terminateVisibilityTimeout: true,
            async handleMessage(message) {
              await handler(message.Body ?? '');
              return message;
            },
          }),
        );
        for (const event of ['error', 'processing_error'] as const) consumer.on(event, () => {});
        consumers.push(consumer);
        consumer.start();
      },
      async close() {
        for (const consumer of consumers) consumer.stop({ abort: true });
        close();
      },
    };
  },
} satisfies ClientUnderTest;
