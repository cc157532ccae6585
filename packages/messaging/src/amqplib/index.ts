import { type Attributes, ROOT_CONTEXT } from '@opentelemetry/api';
import { Scope, withMembers } from '@throughline/core/seam';
import { type CarrierCodec, headersCodec, type MessageHeaders } from '../verbs/carrier-codec.ts';
import type { Message, MessagingTarget } from '../verbs/message.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { createMessagingTracer } from '../verbs/messaging-tracer.ts';
import { Arrivals } from '../wrapping/arrivals.ts';
import type { Method } from '../wrapping/method.ts';
import { peerOf, type SocketLike } from '../wrapping/peer-of.ts';
import { sendWithCallback } from '../wrapping/send-with-callback.ts';
import { tracedHandler } from '../wrapping/traced-handler.ts';
import { wrapClient } from '../wrapping/wrap-client.ts';

export type { MessagingOptions, Relation } from '../verbs/messaging-options.ts';

/** A channel of amqplib, with promises or callbacks, confirming or not, as used here. */
export interface AmqpChannel {
  readonly publish: Method;
  readonly sendToQueue: Method;
  readonly consume: Method;
  readonly get: Method;
  readonly ack: Method;
}

/** A message that amqplib delivered, as used here. */
export interface AmqpMessage {
  readonly fields: {
    readonly exchange: string;
    readonly routingKey: string;
    readonly deliveryTag: number;
  };
  readonly properties: AmqpProperties;
}

interface AmqpProperties {
  readonly headers?: MessageHeaders | undefined;
  readonly messageId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly timestamp?: unknown;
}

/**
 * The methods with amqplib's signatures; `...more` are the callbacks of confirm channels and the callback API.
 */
interface Channel {
  publish(
    exchange: string,
    key: string,
    content: unknown,
    options?: AmqpProperties,
    ...more: unknown[]
  ): unknown;
  consume(queue: string, onMessage: (message: AmqpMessage | null) => unknown, ...more: unknown[]): unknown;
  get(queue: string, options?: object, callback?: unknown): unknown;
  readonly waitForConfirms?: unknown;
  readonly connection?: {
    readonly stream?: SocketLike;
  };
}

/** Messages that arrived through a traced channel: only the consumer knows the queue. */
const arrivals = new Arrivals<Message<MessageHeaders>>();

/**
 * Returns a channel that traces what it publishes, consumes, gets and settles; use it instead of the original.
 *
 * Works on channels and confirm channels of amqplib 0.10 and 2, of the promise API and of the callback API. A
 * consumer's span ends when what the handler returns has settled; acknowledging remains the handler's task. On a
 * confirm channel, the span of a publish ends when the broker confirms. Not traced: `get` of the callback API.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only amqplib itself throws.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/rabbitmq/
 * @example
 * const channel = traceChannel(await connection.createChannel());
 * channel.sendToQueue('orders', Buffer.from('{}'));
 * await channel.consume('orders', async (message) => {
 *   await handle(message);
 *   channel.ack(message);
 * });
 */
export function traceChannel<C extends AmqpChannel>(original: C, options: MessagingOptions = {}): C {
  const tracer = amqpTracer(options, 'traceChannel()');
  // The cast: amqplib's own types differ between its APIs and majors, and any of them is accepted.
  const channel = original as unknown as Channel;
  const broker = brokerOf(channel);
  const arrived = (message: AmqpMessage, queue: string): Message<MessageHeaders> => {
    const described = receivedMessage(message, queue, broker);
    arrivals.note(message, described);
    return described;
  };

  function publish(
    exchange: string,
    key: string,
    content: unknown,
    properties?: AmqpProperties,
    callback?: Method,
  ): unknown {
    const message = sentMessage(exchange, key, properties, broker);
    if (typeof channel.waitForConfirms !== 'function')
      return tracer.send(message, (headers) =>
        channel.publish(exchange, key, content, withHeaders(properties, headers)),
      );
    return sendWithCallback(tracer, message, callback, (headers, onConfirm) =>
      channel.publish(exchange, key, content, withHeaders(properties, headers), onConfirm),
    );
  }

  const settling = (operationName: string) => {
    const method = (original as unknown as Record<string, Method>)[operationName] as Method;
    return (...args: never[]) => {
      const [message] = args as readonly unknown[] as readonly (AmqpMessage | undefined)[];
      const settled = message?.fields ? descriptionOf(message, broker) : { ...broker, carrier: undefined };
      return tracer.settle({ ...settled, operationName }, () => Reflect.apply(method, original, args));
    };
  };

  return wrapClient(original, {
    publish,
    sendToQueue: (queue: string, ...rest: [unknown, AmqpProperties?, Method?]) => publish('', queue, ...rest),
    consume(queue: string, onMessage: (message: AmqpMessage | null) => unknown, ...rest: unknown[]) {
      const traced = tracedHandler(onMessage, (message, call) =>
        // The broker cancelled the consumer.
        message === null
          ? call(message)
          : tracer.process(arrived(message, queue), () => call(message), { ambient: ROOT_CONTEXT }),
      );
      return channel.consume(queue, typeof onMessage === 'function' ? traced : onMessage, ...rest);
    },
    get(queue: string, how?: object, callback?: unknown) {
      if (callback !== undefined) return channel.get(queue, how, callback);
      const source = { ...broker, operationName: 'get', destination: queue };
      return tracer.receive(
        source,
        () => channel.get(queue, how),
        (got) => (got ? arrived(got as AmqpMessage, queue) : undefined),
      );
    },
    ack: settling('ack'),
    nack: settling('nack'),
    reject: settling('reject'),
  });
}

/**
 * Returns a traced handler. Each call runs in the span that processes its message. Use it for messages from
 * `channel.get`.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the handler itself throws.
 * @example
 * const handle = traceHandler(async (message) => save(message.content));
 * const message = await channel.get('orders');
 * if (message) await handle(message);
 */
export function traceHandler<M extends AmqpMessage, Rest extends unknown[], R>(
  handler: (message: M, ...rest: Rest) => R,
  options: MessagingOptions = {},
): (message: M, ...rest: Rest) => R {
  const tracer = amqpTracer(options, 'traceHandler()');
  return tracedHandler(handler, (message, call) =>
    tracer.process(descriptionOf(message, {}), () => call(message), { received: true }),
  );
}

/** amqplib also sends inherited headers. */
const amqpHeadersCodec: CarrierCodec<MessageHeaders> = {
  ...headersCodec,
  write(headers, fields, replaced) {
    if (headers === undefined) return headersCodec.write(headers, fields, replaced);
    const all: Record<string, unknown> = {};
    for (const name in headers) all[name] = headers[name];
    return headersCodec.write(all, fields, replaced);
  },
};

const amqpTracer = (options: MessagingOptions, entry: string) =>
  createMessagingTracer(
    { system: 'rabbitmq', codec: amqpHeadersCodec },
    options,
    new Scope('messaging', entry),
  );

function sentMessage(
  exchange: string,
  routingKey: string,
  properties: AmqpProperties | undefined,
  broker: MessagingTarget,
): Message<MessageHeaders> {
  const { destination, destinationTemplate, anonymous } = addressed([exchange, routingKey]);
  const attributes: Attributes = { ...broker.attributes };
  if (routingKey !== '') attributes[ROUTING_KEY] = routingKey;
  return {
    operationName: 'publish',
    destination,
    destinationTemplate,
    anonymous,
    serverAddress: broker.serverAddress,
    serverPort: broker.serverPort,
    carrier: properties?.headers,
    messageId: properties?.messageId,
    conversationId: properties?.correlationId,
    attributes,
  };
}

/** Returns what is known of a message: more if it arrived through a traced channel. */
function descriptionOf(message: AmqpMessage, broker: MessagingTarget): Message<MessageHeaders> {
  return arrivals.knownOf(message) ?? receivedMessage(message, '', broker);
}

function receivedMessage(
  { fields, properties }: AmqpMessage,
  queue: string,
  broker: MessagingTarget,
): Message<MessageHeaders> {
  const { exchange, routingKey, deliveryTag } = fields;
  const path = [exchange, routingKey, queue === routingKey ? '' : queue];
  const { destination, destinationTemplate, anonymous } = addressed(path);
  const attributes: Attributes = { ...broker.attributes };
  if (routingKey !== '') attributes[ROUTING_KEY] = routingKey;
  attributes[DELIVERY_TAG] = deliveryTag;
  return {
    destination,
    destinationTemplate,
    anonymous,
    serverAddress: broker.serverAddress,
    serverPort: broker.serverPort,
    carrier: properties.headers,
    messageId: properties.messageId,
    conversationId: properties.correlationId,
    timestamp: milliseconds(properties.timestamp),
    attributes,
    delivery: {},
  };
}

const ROUTING_KEY = 'rabbitmq.destination.routing_key';
const DELIVERY_TAG = 'rabbitmq.message.delivery_tag';

/** Names that the broker generates, for queues without a name and for direct reply-to. */
const GENERATED = /^amq\.(gen-|rabbitmq\.reply-to)/;

/** Returns the conventions' destination: exchange, routing key and queue, without empty ones. */
function addressed(path: readonly string[]): MessagingTarget {
  const parts = path.filter((part) => part !== '');
  const lasting = parts.filter((part) => !GENERATED.test(part));
  const destination = parts.length === 0 ? 'amq.default' : parts.join(':');
  if (lasting.length === parts.length) return { destination };
  if (lasting.length === 0) return { destination, anonymous: true };
  return { destination, destinationTemplate: lasting.join(':') };
}

/** AMQP counts in seconds and `Date.now()` in milliseconds; messages contain either. */
function milliseconds(timestamp: unknown): number | undefined {
  if (typeof timestamp !== 'number') return undefined;
  return timestamp < 1e11 ? timestamp * 1000 : timestamp;
}

function withHeaders(properties: AmqpProperties | undefined, headers: MessageHeaders | undefined) {
  return headers === properties?.headers ? properties : withMembers(properties, { headers });
}

function brokerOf({ connection }: Channel): MessagingTarget {
  const { remoteAddress, remotePort } = connection?.stream ?? {};
  if (remoteAddress === undefined || remotePort === undefined) return {};
  return {
    serverAddress: remoteAddress,
    serverPort: remotePort,
    attributes: peerOf(connection?.stream),
  };
}
