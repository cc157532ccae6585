import { ROOT_CONTEXT } from '@opentelemetry/api';
import { withMembers } from '@throughline/core/seam';
import type { MessageHeaders } from '../verbs/carrier-codec.ts';
import type { MessagingTarget } from '../verbs/message.ts';
import type { MessagingTracer } from '../verbs/messaging-tracer.ts';
import type { Method } from '../wrapping/method.ts';
import { wrapClient } from '../wrapping/wrap-client.ts';
import { handOver } from './handler-with.ts';
import {
  type CommittedOffset,
  committed,
  type KafkaMessage,
  type KafkaPlace,
  kafkaMessage,
  onlyTopic,
  partitionId,
} from './kafka-message.ts';

/** A producer, or a transaction, with the methods of kafkajs. */
export interface KafkaJsProducer {
  readonly send: Method;
  readonly sendBatch: Method;
}

/** A consumer with the methods of kafkajs. */
export interface KafkaJsConsumer {
  readonly run: Method;
  readonly commitOffsets: Method;
}

/** A message as a kafkajs handler receives it. */
export interface KafkaJsMessage extends KafkaMessage<MessageHeaders> {
  readonly offset: string;
  readonly timestamp: string;
}

interface SentMessage extends KafkaMessage<MessageHeaders> {
  readonly partition?: number | null;
}

interface TopicMessages {
  readonly topic: string;
  readonly messages: readonly SentMessage[];
}

interface Producer {
  send(record: TopicMessages): unknown;
  sendBatch(batch: { readonly topicMessages?: readonly TopicMessages[] }): unknown;
  transaction(...args: unknown[]): Promise<object>;
}

interface EachMessagePayload {
  readonly topic: string;
  readonly partition: number;
  readonly message: KafkaJsMessage;
}

interface EachBatchPayload {
  readonly batch: {
    readonly topic: string;
    readonly partition: number;
    readonly messages: readonly KafkaJsMessage[];
  };
}

interface RunConfig {
  readonly eachMessage?: (payload: EachMessagePayload) => unknown;
  readonly eachBatch?: (payload: EachBatchPayload) => unknown;
}

interface Consumer {
  run(config?: RunConfig): unknown;
  commitOffsets(...args: [CommittedOffset[]?]): unknown;
}

type KafkaTracer = MessagingTracer<MessageHeaders>;

/** Returns what is known of a connection when a message arrives. */
export type Identity = () => MessagingTarget;

/** Returns the headers of a message that its client would send. */
export type HeadersOf = (message: SentMessage) => SentMessage['headers'];

/** Returns a traced producer or transaction with the methods of kafkajs. */
export function tracedProducer<P extends object>(
  original: P,
  tracer: KafkaTracer,
  identity: Identity,
  headersOf: HeadersOf = ({ headers }) => headers,
): P {
  // The cast: the clients' own types differ, and either is accepted.
  const producer = original as unknown as Producer;

  const described = (topic: string, message: SentMessage, known: MessagingTarget) =>
    kafkaMessage(
      { key: message.key, value: message.value, headers: headersOf(message) },
      placeOf(message, topic, message.partition),
      known,
    );

  /** Sends messages to topics; `call` gets copies of the topics with the messages' headers written. */
  function send(
    topics: readonly TopicMessages[],
    call: (topics: TopicMessages[]) => unknown,
    unchanged: () => unknown,
  ): unknown {
    if (!topics.every(isSendable)) return unchanged();
    const known = identity();
    const messages = topics.flatMap(({ topic, messages }) =>
      messages.map((message) => described(topic, message, known)),
    );
    const carrying = (carriers: (MessageHeaders | undefined)[]) => {
      let at = 0;
      return topics.map((one) =>
        withMembers(one, {
          messages: one.messages.map((message) => withMembers(message, { headers: carriers[at++] })),
        }),
      );
    };
    const [message, second] = messages;
    if (message === undefined) return unchanged();
    if (second === undefined) return tracer.send(message, (carrier) => call(carrying([carrier])));
    return tracer.sendBatch({ ...known, destination: onlyTopic(topics), messages }, (carriers) =>
      call(carrying(carriers)),
    );
  }

  /** What most calls do: without the lists that several topics need. */
  function sendOne(record: TopicMessages, message: SentMessage): unknown {
    return tracer.send(described(record.topic, message, identity()), (headers) =>
      producer.send(withMembers(record, { messages: [withMembers(message, { headers })] })),
    );
  }

  return wrapClient(original, {
    send(record: TopicMessages) {
      const [message, second] = isSendable(record) ? record.messages : [];
      if (message !== undefined && second === undefined) return sendOne(record, message);
      return send(
        [record],
        ([carrying]) => producer.send(carrying as TopicMessages),
        () => producer.send(record),
      );
    },
    sendBatch: (batch: { readonly topicMessages?: readonly TopicMessages[] }) =>
      send(
        Array.isArray(batch?.topicMessages) ? batch.topicMessages : [],
        (topicMessages) => producer.sendBatch(withMembers(batch, { topicMessages })),
        () => producer.sendBatch(batch),
      ),
    transaction: async (...args: unknown[]) =>
      tracedProducer(await producer.transaction(...args), tracer, identity, headersOf),
  });
}

/** Returns a traced consumer with the methods of kafkajs. */
export function tracedConsumer<C extends object>(original: C, tracer: KafkaTracer, identity: Identity): C {
  // The cast: as above.
  const consumer = original as unknown as Consumer;

  function eachMessageWith(handler: NonNullable<RunConfig['eachMessage']>) {
    return function tracedEachMessage(this: unknown, payload: EachMessagePayload) {
      const { message, topic, partition } = payload;
      const received = kafkaMessage(message, placeOf(message, topic, partition), identity());
      return tracer.process(received, () => Reflect.apply(handler, this, [payload]), {
        ambient: ROOT_CONTEXT,
      });
    };
  }

  function eachBatchWith(handler: NonNullable<RunConfig['eachBatch']>) {
    return function tracedEachBatch(this: unknown, payload: EachBatchPayload) {
      const { topic, partition } = payload.batch;
      const messages = payload.batch.messages.map((message) =>
        handOver(message, kafkaMessage(message, placeOf(message, topic, partition), identity())),
      );
      const source = { ...identity(), destination: topic, partitionId: partitionId(partition) };
      return tracer.processBatch(
        { ...source, operationName: 'poll', messages },
        () => Reflect.apply(handler, this, [payload]),
        {
          ambient: ROOT_CONTEXT,
        },
      );
    };
  }

  return wrapClient(original, {
    run(config?: RunConfig) {
      const { eachMessage, eachBatch } = config ?? {};
      const traced = {
        ...(eachMessage && { eachMessage: eachMessageWith(eachMessage) }),
        ...(eachBatch && { eachBatch: eachBatchWith(eachBatch) }),
      };
      return consumer.run(withMembers(config, traced));
    },
    commitOffsets: (...args: [CommittedOffset[]?]) =>
      tracer.settle(committed(args[0], identity()), () => consumer.commitOffsets(...args)),
  });
}

const placeOf = (
  message: SentMessage & Partial<KafkaJsMessage>,
  topic: string,
  partition: number | null | undefined,
): KafkaPlace => ({ topic, partition, offset: message.offset, timestamp: message.timestamp });

// The client refuses malformed messages.
const isSendable = (one: TopicMessages | undefined) =>
  Array.isArray(one?.messages) &&
  one.messages.every((message: unknown) => typeof message === 'object' && message !== null);
