import { type FakeAttributes, FakeAwsClient } from './fake-aws.ts';

export const TOPIC_ARN = 'arn:aws:sns:eu-west-1:123456789012:orders';

/** A notification as SNS posts it to an HTTP endpoint. */
export interface Notification {
  readonly Type: 'Notification';
  readonly TopicArn: string;
  readonly MessageId: string;
  readonly Message: string;
  readonly Timestamp?: string;
  readonly MessageAttributes?: Record<string, { readonly Type: string; readonly Value: string }>;
}

interface Entry {
  readonly Message: string;
  readonly MessageAttributes?: FakeAttributes;
}

/** One topic, with a subscriber that gets notifications as JSON. */
export class FakeTopic {
  readonly posts: string[] = [];
  posted = () => {};
  #count = 0;

  post(notification: Pick<Notification, 'Message' | 'Timestamp' | 'MessageAttributes'>): string {
    this.#count += 1;
    const MessageId = `n${this.#count}`;
    this.posts.push(
      JSON.stringify({ Type: 'Notification', TopicArn: TOPIC_ARN, MessageId, ...notification }),
    );
    this.posted();
    return MessageId;
  }

  Publish({ Message, MessageAttributes }: Entry): unknown {
    const attributes = Object.entries(MessageAttributes ?? {}).map(
      ([name, { DataType, StringValue = '' }]) => [name, { Type: DataType, Value: StringValue }],
    );
    const posted = attributes.length > 0 && { MessageAttributes: Object.fromEntries(attributes) };
    return { MessageId: this.post({ Message, ...posted }) };
  }

  PublishBatch({
    PublishBatchRequestEntries: entries,
  }: {
    PublishBatchRequestEntries: readonly Entry[];
  }): unknown {
    return { Successful: entries.map((entry) => this.Publish(entry)), Failed: [] };
  }
}

export const fakeSns = (topic = new FakeTopic()) => new FakeAwsClient(topic);
