import type { Message, MessagingTarget } from '../verbs/message.ts';

/** A Kafka message as far as both clients' messages agree. */
export interface KafkaMessage<H> {
  readonly key?: unknown;
  readonly value?: unknown;
  readonly headers?: H | null | undefined;
}

/** A message's place in a topic, numbers being decimal text in the one client and numbers in the other. */
export interface KafkaPlace {
  readonly topic?: string | undefined;
  readonly partition?: number | null | undefined;
  readonly offset?: string | number | undefined;
  /** Milliseconds since 1970; empty or negative where there is none. */
  readonly timestamp?: string | number | undefined;
}

/**
 * The conventions' record of a Kafka message.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/kafka/
 */
export function kafkaMessage<H>(message: KafkaMessage<H>, place: KafkaPlace): Message<H> {
  const { topic, partition, offset, timestamp } = place;
  return {
    destination: topic,
    partitionId: partitionId(partition),
    carrier: message.headers ?? undefined,
    timestamp: Number(timestamp) > 0 ? Number(timestamp) : undefined,
    attributes: {
      'messaging.kafka.message.key': keyText(message.key),
      'messaging.kafka.message.tombstone': message.value === null || undefined,
      'messaging.kafka.offset': offset === undefined ? undefined : Number(offset),
    },
  };
}

/** An offset that a consumer commits. */
export interface CommittedOffset {
  readonly topic: string;
  readonly partition: number;
}

/** A commit names offsets, not messages: there is nothing to link to. */
export function committed(
  offsets: readonly CommittedOffset[] = [],
  identity: MessagingTarget = {},
): Message<never> {
  const [first, second] = offsets;
  return {
    ...identity,
    operationName: 'commit',
    destination: onlyTopic(offsets),
    partitionId: second === undefined ? partitionId(first?.partition) : undefined,
    carrier: undefined,
  };
}

/** The topic of messages or offsets that all belong to one. */
export function onlyTopic(places: readonly { readonly topic: string }[]): string | undefined {
  const topics = new Set(places.map(({ topic }) => topic));
  return topics.size === 1 ? [...topics][0] : undefined;
}

/** Negative numbers leave the choice to the client. */
export function partitionId(partition: unknown): string | undefined {
  return typeof partition === 'number' && partition >= 0 ? `${partition}` : undefined;
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true });

/** Keys arrive as bytes, and only text has the canonical form that the attribute asks for. */
function keyText(key: unknown): string | undefined {
  if (typeof key === 'string') return key;
  if (!(key instanceof Uint8Array)) return undefined;
  try {
    return UTF_8.decode(key);
  } catch {
    return undefined;
  }
}
