import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { traceClient, traceHandler } from '@throughline/messaging/sqs';
import type { ClientUnderTest } from '../client.ts';

export default {
  service: 'moto',
  redelivers: true,
  batches: true,
  durable: false,
  async connect(endpoint) {
    const bare = new SQSClient({
      endpoint,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    // A long poll is open for as long as nothing comes, and so would its span be.
    const client = traceClient(bare, { ignore: ({ type }) => type === 'receive' });
    const leaving = new AbortController();
    const queueUrl = async (QueueName: string) =>
      (await bare.send(new CreateQueueCommand({ QueueName }))).QueueUrl as string;
    return {
      async send(queue, MessageBody) {
        await client.send(new SendMessageCommand({ QueueUrl: await queueUrl(queue), MessageBody }));
      },
      async sendBare(queue, MessageBody, metadata) {
        const MessageAttributes = Object.fromEntries(
          Object.entries(metadata).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
        );
        const QueueUrl = await queueUrl(queue);
        await bare.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageAttributes }));
      },
      async sendBatch(queue, bodies) {
        const Entries = bodies.map((MessageBody, index) => ({ Id: `${index}`, MessageBody }));
        await client.send(new SendMessageBatchCommand({ QueueUrl: await queueUrl(queue), Entries }));
      },
      async consume(queue, handler) {
        const QueueUrl = await queueUrl(queue);
        const handle = traceHandler(async ({ Body = '', ReceiptHandle }: Message) => {
          try {
            await handler(Body);
            await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
          } catch {
            const again = { QueueUrl, ReceiptHandle, VisibilityTimeout: 0 };
            await client.send(new ChangeMessageVisibilityCommand(again));
          }
        });
        const poll = async () => {
          const receive = new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1, MaxNumberOfMessages: 10 });
          while (!leaving.signal.aborted) {
            const { Messages = [] } = await client.send(receive, { abortSignal: leaving.signal });
            for (const message of Messages) await handle(message);
          }
        };
        // What is polled for while the emulator stops, or this client leaves, is lost.
        poll().catch(() => {});
      },
      async close() {
        leaving.abort();
        bare.destroy();
      },
    };
  },
} satisfies ClientUnderTest;
