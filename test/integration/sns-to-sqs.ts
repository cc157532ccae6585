import {
  CreateTopicCommand,
  PublishBatchCommand,
  PublishCommand,
  SNSClient,
  SubscribeCommand,
} from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { traceClient } from '@throughline/messaging/sns';
import { attributesOf, connectToSqs, emulatorAt } from './aws-queue.ts';
import type { ClientUnderTest } from './client.ts';

/** SNS with a queue that subscribes to the topic: with raw delivery, or with SNS's envelope around each message. */
export function snsToSqs(delivery: 'raw' | 'wrapped'): ClientUnderTest {
  return {
    service: 'moto',
    redelivers: true,
    batches: true,
    durable: false,
    async connect(endpoint) {
      const bare = new SNSClient(emulatorAt(endpoint));
      const client = traceClient(bare);
      const sqs = connectToSqs(endpoint);
      const topicArn = async (Name: string) => (await bare.send(new CreateTopicCommand({ Name }))).TopicArn;
      const bodyOf = (body: string) =>
        delivery === 'raw' ? body : (JSON.parse(body) as { Message: string }).Message;
      return {
        async send(topic, Message) {
          await client.send(new PublishCommand({ TopicArn: await topicArn(topic), Message }));
        },
        async sendBare(topic, Message, metadata) {
          const MessageAttributes = attributesOf(metadata);
          await bare.send(
            new PublishCommand({ TopicArn: await topicArn(topic), Message, MessageAttributes }),
          );
        },
        async sendBatch(topic, bodies) {
          const PublishBatchRequestEntries = bodies.map((Message, index) => ({ Id: `${index}`, Message }));
          const TopicArn = await topicArn(topic);
          await client.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries }));
        },
        async consume(topic, handler) {
          const QueueUrl = await sqs.queueUrl(topic);
          const queue = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] });
          await bare.send(
            new SubscribeCommand({
              TopicArn: await topicArn(topic),
              Protocol: 'sqs',
              Endpoint: (await sqs.bare.send(queue)).Attributes?.QueueArn,
              Attributes: { RawMessageDelivery: `${delivery === 'raw'}` },
            }),
          );
          sqs.consume(QueueUrl, (body) => handler(bodyOf(body)));
        },
        async close() {
          sqs.close();
          bare.destroy();
        },
      };
    },
  };
}
