import { Scope } from '@throughline/core/seam';
import type { KafkaRecord } from '../aws/lambda-records.ts';
import { handlerWith } from '../kafka/handler-with.ts';
import {
  type HeadersOf,
  type KafkaJsConsumer,
  type KafkaJsMessage,
  type KafkaJsProducer,
  tracedConsumer,
  tracedProducer,
} from '../kafka/kafkajs-client.ts';
import { headersCodec } from '../verbs/carrier-codec.ts';
import type { MessagingTarget } from '../verbs/message.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { createMessagingTracer } from '../verbs/messaging-tracer.ts';
import { serverAt } from '../wrapping/server-at.ts';

export type { KafkaRecord } from '../aws/lambda-records.ts';
export type { KafkaJsConsumer, KafkaJsMessage, KafkaJsProducer } from '../kafka/kafkajs-client.ts';
export type { MessagingOptions, Relation } from '../verbs/messaging-options.ts';

/**
 * Returns a producer that traces what it sends, also in transactions; use it instead of the original.
 *
 * Each message carries its own context: that of the send, or of a create span if one call sends several.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only kafkajs itself throws.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/kafka/
 * @example
 * const producer = traceProducer(kafka.producer());
 * await producer.send({ topic: 'orders', messages: [{ value: '{}' }] });
 */
export function traceProducer<P extends KafkaJsProducer>(original: P, options: MessagingOptions = {}): P {
  // kafkajs copies messages and so sends no inherited headers.
  const headersOf: HeadersOf = (message) =>
    isOwnEnumerable.call(message, 'headers') ? message.headers : undefined;
  return tracedProducer(original, kafkaTracer(options, 'traceProducer()'), identityOf(original), headersOf);
}

const { propertyIsEnumerable: isOwnEnumerable } = Object.prototype;

/**
 * Returns a consumer that traces the handlers it runs and the commits it is asked for; use it instead of the
 * original.
 *
 * `eachMessage` runs in the span that processes its message, `eachBatch` in a receive span that links to all of them;
 * single messages of a batch go through {@link traceHandler}. A span ends when what the handler returns has settled.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only kafkajs itself throws.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/kafka/
 * @example
 * const consumer = traceConsumer(kafka.consumer({ groupId: 'mailer' }));
 * await consumer.subscribe({ topic: 'orders' });
 * await consumer.run({ eachMessage: async ({ message }) => handle(message) });
 */
export function traceConsumer<C extends KafkaJsConsumer>(original: C, options: MessagingOptions = {}): C {
  return tracedConsumer(original, kafkaTracer(options, 'traceConsumer()'), identityOf(original));
}

/**
 * Returns a traced handler. Each call runs in the span that processes its message. Use it for the messages of a
 * batch, and for the records of the event with which Kafka calls a Lambda function.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the handler itself throws.
 * @example
 * const handle = traceHandler(async (message) => save(message.value));
 * await consumer.run({
 *   eachBatch: async ({ batch }) => {
 *     for (const message of batch.messages) await handle(message);
 *   },
 * });
 */
export function traceHandler<M extends KafkaJsMessage | KafkaRecord, Rest extends unknown[], R>(
  handler: (message: M, ...rest: Rest) => R,
  options: MessagingOptions = {},
): (message: M, ...rest: Rest) => R {
  // The cast: a record is read as a message.
  return handlerWith(
    handler as (message: KafkaJsMessage, ...rest: Rest) => R,
    kafkaTracer(options, 'traceHandler()'),
  ) as (message: M, ...rest: Rest) => R;
}

const kafkaTracer = (options: MessagingOptions, entry: string) =>
  createMessagingTracer(
    { system: 'kafka', codec: headersCodec, destinations: 'administered' },
    options,
    new Scope('messaging', entry),
  );

interface Events {
  readonly events?: { readonly REQUEST?: string; readonly GROUP_JOIN?: string };
  readonly on?: (
    event: string,
    listener: (event: { readonly payload: { clientId?: string; groupId?: string; broker?: string } }) => void,
  ) => unknown;
}

/**
 * Returns a function that returns the client id, the consumer group and the broker of a client. kafkajs reports these
 * only in its events; all are known before the first message.
 *
 * With several brokers, none is named: kafkajs does not say which one a message went to or came from.
 */
function identityOf(client: object): () => MessagingTarget {
  const { events, on } = client as Events;
  let identity: MessagingTarget = {};
  let only: string | undefined;
  const stop =
    events?.REQUEST &&
    on?.(events.REQUEST, ({ payload: { clientId, broker } }) => {
      if (broker === only && identity.clientId === clientId) return;
      const several = only !== undefined && broker !== only;
      only ??= broker;
      const server = several ? { serverAddress: undefined, serverPort: undefined } : serverAt(broker);
      identity = { ...identity, ...server, clientId };
      if (several && typeof stop === 'function') stop();
    });
  if (events?.GROUP_JOIN)
    on?.(events.GROUP_JOIN, ({ payload }) => {
      identity = { ...identity, consumerGroup: payload.groupId };
    });
  return () => identity;
}
