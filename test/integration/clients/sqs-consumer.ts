import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { traceClient } from '@throughline/messaging/sqs';
import { traceConsumerOptions } from '@throughline/messaging/sqs-consumer';
import { Consumer } from 'sqs-consumer';
import type { ClientUnderTest } from '../client.ts';

export default {
  service: 'moto',
  redelivers: true,
  batches: false,
  durable: false,
  async connect(endpoint) {
    const sqs = new SQSClient({
      endpoint,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    const client = traceClient(sqs);
    const consumers: Consumer[] = [];
    const queueUrl = async (QueueName: string) =>
      (await sqs.send(new CreateQueueCommand({ QueueName }))).QueueUrl as string;
    return {
      async send(queue, MessageBody) {
        await client.send(new SendMessageCommand({ QueueUrl: await queueUrl(queue), MessageBody }));
      },
      async sendBare(queue, MessageBody, metadata) {
        const MessageAttributes = Object.fromEntries(
          Object.entries(metadata).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
        );
        const QueueUrl = await queueUrl(queue);
        await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageAttributes }));
      },
      async consume(queue, handler) {
        const consumer = Consumer.create(
          traceConsumerOptions({
            queueUrl: await queueUrl(queue),
            sqs,
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
        sqs.destroy();
      },
    };
  },
} satisfies ClientUnderTest;
