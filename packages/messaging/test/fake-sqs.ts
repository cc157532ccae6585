import { type FakeAttributes, FakeAwsClient } from './fake-aws.ts';

export const QUEUE_URL = 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders';

/** A message as a queue holds it. */
export interface QueuedMessage {
  readonly Body: string;
  readonly MessageAttributes?: FakeAttributes;
  readonly Attributes?: Record<string, string>;
}

interface Entry {
  readonly MessageBody: string;
  readonly MessageAttributes?: FakeAttributes;
  readonly MessageSystemAttributes?: FakeAttributes;
}

/** One queue. It hands out only those attributes that a receive asks for, as SQS does. */
export class FakeQueue {
  readonly messages: (QueuedMessage & { readonly MessageId: string; readonly ReceiptHandle: string })[] = [];
  arrived = () => {};
  #count = 0;

  add(...added: readonly QueuedMessage[]): void {
    for (const message of added) {
      this.#count += 1;
      this.messages.push({ ...message, MessageId: `m${this.#count}`, ReceiptHandle: `r${this.#count}` });
    }
    this.arrived();
  }

  SendMessage({
    MessageBody: Body,
    MessageAttributes = {},
    MessageSystemAttributes: system,
  }: Entry): unknown {
    const count = Object.keys(MessageAttributes).length;
    if (count > 10)
      throw new Error(`Number of message attributes [${count}] exceeds the allowed maximum [10].`);
    const header = system?.AWSTraceHeader?.StringValue;
    this.add({ Body, MessageAttributes, Attributes: header === undefined ? {} : { AWSTraceHeader: header } });
    return { MessageId: `m${this.#count}` };
  }

  SendMessageBatch({ Entries }: { Entries: readonly Entry[] }): unknown {
    return { Successful: Entries.map((entry) => this.SendMessage(entry)), Failed: [] };
  }

  ReceiveMessage(asked: {
    readonly MaxNumberOfMessages?: number;
    readonly MessageAttributeNames?: readonly string[];
    readonly MessageSystemAttributeNames?: readonly string[];
    readonly AttributeNames?: readonly string[];
  }): { Messages?: unknown[] } {
    const taken = this.messages.splice(0, asked.MaxNumberOfMessages ?? 1);
    if (taken.length === 0) return {};
    const system = [...(asked.MessageSystemAttributeNames ?? []), ...(asked.AttributeNames ?? [])];
    return {
      Messages: taken.map(({ MessageAttributes, Attributes, ...message }) => ({
        ...message,
        ...optional('MessageAttributes', only(MessageAttributes, asked.MessageAttributeNames ?? [])),
        ...optional('Attributes', only(Attributes, system)),
      })),
    };
  }
}

export const fakeSqs = (queue = new FakeQueue()) => new FakeAwsClient(queue);

function only<Value>(values: Record<string, Value> = {}, names: readonly string[]): Record<string, Value> {
  return names.includes('All')
    ? values
    : Object.fromEntries(Object.entries(values).filter(([name]) => names.includes(name)));
}

const optional = (key: string, values: object) => (Object.keys(values).length > 0 ? { [key]: values } : {});

/** Plain texts as message attributes. */
export const asAttributes = (texts: Readonly<Record<string, string>>): FakeAttributes =>
  Object.fromEntries(
    Object.entries(texts).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
  );
