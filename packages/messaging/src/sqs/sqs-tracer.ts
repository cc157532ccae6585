import type { Scope } from '@throughline/core/seam';
import { type SqsRecord, sqsMessageIn } from '../aws/lambda-records.ts';
import { answerAttributes } from '../aws/wrap-aws-client.ts';
import type { Message, MessagingTarget } from '../verbs/message.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { createMessagingTracer } from '../verbs/messaging-tracer.ts';
import { Arrivals } from '../wrapping/arrivals.ts';
import { type SqsMetadata, sqsCodec } from './sqs-codec.ts';

/** A message that SQS delivered, as used here. */
export interface SqsMessage extends SqsMetadata {
  readonly MessageId?: string | undefined;
  readonly ReceiptHandle?: string | undefined;
}

/** URLs of queues. */
export const arrivals = new Arrivals<string>();

/**
 * Ids of the newest messages, by the handle that settles them: the handle says nothing else about the message.
 */
const received = new Map<string, string>();
const MAX_RECEIVED = 1_000;

function noteHandle({ ReceiptHandle: handle, MessageId: id }: SqsMessage): void {
  if (handle === undefined || id === undefined || received.has(handle)) return;
  received.set(handle, id);
  for (const oldest of received.keys()) {
    if (received.size <= MAX_RECEIVED) break;
    received.delete(oldest);
  }
}

/** Returns what is known of the message that a command settles. */
export function settledMessage(settled: object): Message<SqsMetadata> {
  const { ReceiptHandle: handle } = settled as SqsMessage;
  return { carrier: undefined, messageId: handle === undefined ? undefined : received.get(handle) };
}

/** Returns a tracer for messages in SQS. */
export const sqsTracer = (options: MessagingOptions, scope: Scope) =>
  createMessagingTracer(
    { system: 'aws.sqs', codec: sqsCodec, destinations: 'administered', errorAttributes: answerAttributes },
    options,
    scope,
  );

/** Returns a message as the conventions describe it. */
export function receivedMessage(
  given: SqsMessage | SqsRecord | undefined,
  queueUrl = given && arrivals.knownOf(given),
): Message<SqsMetadata> {
  const record = sqsMessageIn(given);
  const message = record ?? (given as SqsMessage | undefined);
  const sent = Number(message?.Attributes?.SentTimestamp);
  if (message !== undefined) noteHandle(message);
  return {
    ...(queueUrl === undefined ? { destination: record?.queue } : queueOf(queueUrl)),
    carrier: message,
    messageId: message?.MessageId,
    timestamp: sent > 0 ? sent : undefined,
  };
}

/** Like {@link receivedMessage}, for one that a receive counts; remembers that for its handler. */
export function countedMessage(message: SqsMessage, queueUrl: string | undefined): Message<SqsMetadata> {
  if (queueUrl !== undefined) arrivals.note(message, queueUrl);
  arrivals.count(message);
  return receivedMessage(message, queueUrl);
}

export function queueOf(queueUrl: string | undefined): MessagingTarget {
  const [, serverAddress, port, destination] =
    /^https?:\/\/(?:[^/@]*@)?([^/:]+)(?::(\d+))?(?:.*\/)(.+)$/.exec(queueUrl ?? '') ?? [];
  if (!queueUrl) return {};
  return {
    destination: destination ?? queueUrl,
    serverAddress,
    serverPort: port === undefined ? undefined : Number(port),
    attributes: { 'aws.sqs.queue.url': queueUrl },
  };
}
