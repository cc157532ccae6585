import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { traceClient, traceHandler } from '@throughline/messaging/sqs';

/** What every client of the AWS SDK is told to reach an emulator. */
export const emulatorAt = (endpoint: string) => ({
  endpoint,
  region: 'eu-west-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
});

/** Texts as message attributes. */
export const attributesOf = (texts: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(texts).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
  );

/** A client of SQS, bare and traced, with a consumer as an application would write one. */
export function connectToSqs(endpoint: string) {
  const bare = new SQSClient(emulatorAt(endpoint));
  // A long poll is open for as long as nothing comes, and so would its span be.
  const client = traceClient(bare, { ignore: ({ type }) => type === 'receive' });
  const leaving = new AbortController();
  return {
    bare,
    client,
    async queueUrl(QueueName: string): Promise<string> {
      return (await bare.send(new CreateQueueCommand({ QueueName }))).QueueUrl as string;
    },
    /** Hands every message to the handler until the client is closed; one that throws gets its message again. */
    consume(QueueUrl: string, handler: (body: string) => Promise<void>): void {
      const handle = traceHandler(async ({ Body = '', ReceiptHandle }: Message) => {
        try {
          await handler(Body);
          await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
        } catch {
          await client.send(
            new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }),
          );
        }
      });
      const receive = new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1, MaxNumberOfMessages: 10 });
      const poll = async () => {
        while (!leaving.signal.aborted) {
          const { Messages = [] } = await client.send(receive, { abortSignal: leaving.signal });
          for (const message of Messages) await handle(message);
        }
      };
      // A poll that is cut off fails.
      poll().catch(() => {});
    },
    close(): void {
      leaving.abort();
      bare.destroy();
    },
  };
}
