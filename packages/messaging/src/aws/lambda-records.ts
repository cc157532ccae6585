import type { KafkaMessage, KafkaPlace } from '../kafka/kafka-message.ts';
import type { SqsMetadata } from '../sqs/sqs-codec.ts';

/** A record of the event with which SQS calls a Lambda function, as used here. */
export interface SqsRecord {
  readonly messageId: string;
  readonly body?: string | undefined;
  readonly attributes?: { readonly [name: string]: string | undefined } | undefined;
  readonly messageAttributes?: { readonly [name: string]: SqsRecordAttribute } | undefined;
  /** `arn:aws:sqs:eu-west-1:123456789012:orders` */
  readonly eventSourceARN?: string | undefined;
}

interface SqsRecordAttribute {
  readonly dataType?: string | undefined;
  readonly stringValue?: string | undefined;
  /** In base64. */
  readonly binaryValue?: string | undefined;
}

/** A record of the event with which Kafka calls a Lambda function, as used here. */
export interface KafkaRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly timestampType: string;
  /** In base64, like the value. */
  readonly key?: string | undefined;
  readonly value?: string | undefined;
  readonly headers?: readonly { readonly [name: string]: readonly number[] }[] | undefined;
}

/** Returns the parts of a record under the names that SQS itself uses, or `undefined` if it is not a record. */
export function sqsMessageIn(
  given: object | undefined,
): (SqsMetadata & { readonly MessageId: string; readonly queue: string | undefined }) | undefined {
  const { messageId, body, attributes, messageAttributes, eventSourceARN } = (given ??
    {}) as Partial<SqsRecord>;
  if (typeof messageId !== 'string') return undefined;
  const read = ({ dataType, stringValue, binaryValue }: SqsRecordAttribute) => ({
    DataType: dataType,
    StringValue: stringValue,
    BinaryValue: typeof binaryValue === 'string' ? Buffer.from(binaryValue, 'base64') : undefined,
  });
  const named = Object.entries(messageAttributes ?? {}).map(
    ([name, one]) => [name, read(one ?? {})] as const,
  );
  return {
    MessageId: messageId,
    Body: body,
    Attributes: attributes,
    MessageAttributes: Object.fromEntries(named),
    queue: typeof eventSourceARN === 'string' ? eventSourceARN.split(':').at(-1) : undefined,
  };
}

/** Returns a record as a message with headers by name, and any other message unchanged. */
export function kafkaMessageIn<M extends KafkaMessage<unknown> & KafkaPlace>(
  given: M,
): KafkaMessage<unknown> & KafkaPlace {
  if (typeof (given as Partial<KafkaRecord>).timestampType !== 'string') return given;
  const { topic, partition, offset, timestamp, key, value, headers } = given as unknown as KafkaRecord;
  const found: Record<string, Buffer[]> = {};
  for (const header of headers ?? [])
    for (const [name, bytes] of Object.entries(header))
      found[name] = [...(found[name] ?? []), Buffer.from(bytes)];
  const place = { topic, partition, offset, timestamp };
  return { ...place, key: key && Buffer.from(key, 'base64'), value, headers: found };
}
