import { Scope } from '@throughline/core/seam';
import { handlerWith } from '../kafka/handler-with.ts';
import type { KafkaMessage, KafkaPlace } from '../kafka/kafka-message.ts';
import {
  type KafkaJsConsumer,
  type KafkaJsProducer,
  tracedConsumer,
  tracedProducer,
} from '../kafka/kafkajs-client.ts';
import { headersCodec } from '../verbs/carrier-codec.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { createMessagingTracer } from '../verbs/messaging-tracer.ts';
import {
  type RdKafkaConsumer,
  type RdKafkaProducer,
  tracedRdKafkaConsumer,
  tracedRdKafkaProducer,
} from './rdkafka-client.ts';
import { type RdKafkaHeaders, rdKafkaHeadersCodec } from './rdkafka-headers.ts';

export type { KafkaJsConsumer, KafkaJsProducer } from '../kafka/kafkajs-client.ts';
export type { MessagingOptions, Relation } from '../verbs/messaging-options.ts';
export type { RdKafkaConsumer, RdKafkaProducer } from './rdkafka-client.ts';
export type { RdKafkaHeaders } from './rdkafka-headers.ts';

/** Options of a consumer. */
export interface ConsumerOptions extends MessagingOptions {
  /** Value of `messaging.consumer.group.name`; the client does not expose it. */
  readonly consumerGroup?: string | undefined;
}

/** A message as either API of the client delivers it. */
export type ConfluentMessage = KafkaMessage<RdKafkaHeaders> & KafkaPlace;

/**
 * Returns a producer that traces what it sends; use it instead of the original.
 *
 * Takes a producer of the KafkaJS API (`send`, `sendBatch`, transactions) and one of the librdkafka API, plain or
 * high-level (`produce`). The span of a plain `produce` ends when librdkafka has queued the message, that of a
 * high-level one when its callback reports the delivery.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the client itself throws.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/kafka/
 * @example
 * const producer = traceProducer(new Kafka().producer({ 'bootstrap.servers': 'localhost:9092' }));
 * await producer.send({ topic: 'orders', messages: [{ value: '{}' }] });
 */
export function traceProducer<P extends KafkaJsProducer | RdKafkaProducer>(
  original: P,
  options: MessagingOptions = {},
): P {
  const scope = scopeOf('traceProducer()');
  if ('produce' in original)
    return tracedRdKafkaProducer(original, createMessagingTracer(LISTED, options, scope));
  return tracedProducer(original, createMessagingTracer(KAFKA, options, scope), () => ({}));
}

/**
 * Returns a consumer that traces the messages it delivers and the commits it is asked for; use it instead of the
 * original.
 *
 * Takes a consumer of the KafkaJS API (`eachMessage`, `eachBatch`) and one of the librdkafka API: listeners for
 * `data` and the callback of `consume()` run in the span that processes their message, the callback of
 * `consume(number)` in a receive span. Single messages of a batch, and those of a read stream, go through
 * {@link traceHandler}.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the client itself throws.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/kafka/
 * @example
 * const consumer = traceConsumer(kafka.consumer({ 'group.id': 'mailer' }), { consumerGroup: 'mailer' });
 * await consumer.subscribe({ topics: ['orders'] });
 * await consumer.run({ eachMessage: async ({ message }) => handle(message) });
 */
export function traceConsumer<C extends KafkaJsConsumer | RdKafkaConsumer>(
  original: C,
  options: ConsumerOptions = {},
): C {
  const scope = scopeOf('traceConsumer()');
  const identity = () => ({ consumerGroup: options.consumerGroup });
  if ('run' in original)
    return tracedConsumer(original, createMessagingTracer(KAFKA, options, scope, CONSUMER_RULES), identity);
  const tracer = createMessagingTracer(LISTED, options, scope, CONSUMER_RULES);
  return tracedRdKafkaConsumer(original, tracer, identity());
}

/**
 * Returns a traced handler. Each call runs in the span that processes its message. Use it for the messages of a batch
 * or a stream.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the handler itself throws.
 * @example
 * const handle = traceHandler(async (message) => save(message.value));
 * for await (const message of KafkaConsumer.createReadStream(config, {}, { topics: ['orders'] })) await handle(message);
 */
export function traceHandler<M extends ConfluentMessage, Rest extends unknown[], R>(
  handler: (message: M, ...rest: Rest) => R,
  options: MessagingOptions = {},
): (message: M, ...rest: Rest) => R {
  return handlerWith(handler, createMessagingTracer(LISTED, options, scopeOf('traceHandler()')));
}

const KAFKA = { system: 'kafka', codec: headersCodec, destinations: 'administered' } as const;
const LISTED = { system: 'kafka', codec: rdKafkaHeadersCodec, destinations: 'administered' } as const;

const CONSUMER_RULES = {
  consumerGroup: [(value: unknown) => typeof value === 'string' && value !== '', 'a name'],
} as const;

const scopeOf = (entry: string) => new Scope('messaging', entry);
