import type { Attributes } from '@opentelemetry/api';
import type { Message, MessagingTarget } from '../verbs/message.ts';

/** The part of a Kafka message in which both clients agree. */
export interface KafkaMessage<H> {
  readonly key?: unknown;
  readonly value?: unknown;
  readonly headers?: H | null | undefined;
}

/** A message's place in a topic. One client has decimal text where the other has numbers. */
export interface KafkaPlace {
  readonly topic?: string | undefined;
  readonly partition?: number | null | undefined;
  readonly offset?: string | number | undefined;
  /** Milliseconds since 1970; empty or negative where there is none. */
  readonly timestamp?: string | number | undefined;
}

/**
 * Returns a Kafka message as the conventions describe it.
 *
 * @param identity What is known of the client and its broker.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/kafka/
 */
export function kafkaMessage<H>(
  message: KafkaMessage<H>,
  place: KafkaPlace,
  identity: MessagingTarget = NONE,
): Message<H> {
  const { topic, partition, offset, timestamp } = place;
  const attributes: Attributes = {};
  const key = keyText(message.key);
  if (key !== undefined) attributes['kafka.message.key'] = key;
  if (message.value === null) attributes['kafka.message.tombstone'] = true;
  if (offset !== undefined) attributes['kafka.offset'] = Number(offset);
  return {
    destination: topic,
    partitionId: partitionId(partition),
    clientId: identity.clientId,
    consumerGroup: identity.consumerGroup,
    serverAddress: identity.serverAddress,
    serverPort: identity.serverPort,
    carrier: message.headers ?? undefined,
    timestamp: Number(timestamp) > 0 ? Number(timestamp) : undefined,
    attributes,
  };
}

const NONE: MessagingTarget = {};

/** An offset that a consumer commits. */
export interface CommittedOffset {
  readonly topic: string;
  readonly partition: number;
}

/** Returns a commit as the conventions describe it. It has offsets but no messages, so nothing to link to. */
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

/** Returns the topic of messages or offsets if they all belong to one. */
export function onlyTopic(places: readonly { readonly topic: string }[]): string | undefined {
  const topics = new Set(places.map(({ topic }) => topic));
  return topics.size === 1 ? [...topics][0] : undefined;
}

/** Returns a partition as text. Negative numbers leave the choice to the client. */
export function partitionId(partition: unknown): string | undefined {
  return typeof partition === 'number' && partition >= 0 ? `${partition}` : undefined;
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Returns a key if it is text: keys arrive as bytes, and only text has the canonical form that the attribute
 * requires.
 */
function keyText(key: unknown): string | undefined {
  if (typeof key === 'string') return key;
  if (!(key instanceof Uint8Array)) return undefined;
  try {
    return UTF_8.decode(key);
  } catch {
    return undefined;
  }
}
