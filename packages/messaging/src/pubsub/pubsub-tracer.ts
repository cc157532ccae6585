import type { Attributes } from '@opentelemetry/api';
import { Scope } from '@throughline/core/seam';
import type { MessageHeaders } from '../verbs/carrier-codec.ts';
import type { Message, MessagingTarget } from '../verbs/message.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { createMessagingTracer, type MessagingTracer } from '../verbs/messaging-tracer.ts';
import { timeOf } from '../verbs/time-of.ts';
import type { Method } from '../wrapping/method.ts';
import { wrapClient } from '../wrapping/wrap-client.ts';
import { attributesCodec } from './attributes-codec.ts';

/** Returns a tracer for messages in Pub/Sub. `entry` is the function that the user called; errors name it. */
export const pubsubTracer = (options: MessagingOptions, entry: string, googclient = true) =>
  createMessagingTracer(
    { system: 'gcp.pubsub', codec: attributesCodec(googclient), destinations: 'administered' },
    options,
    new Scope('messaging', entry),
  );

/** A message that Pub/Sub delivered, by a subscription, a pull or a push, as used here. */
export interface PubSubMessage {
  readonly ackId?: string | null | undefined;
  readonly attributes?: MessageHeaders | null | undefined;
  readonly id?: string | undefined;
  readonly messageId?: string | null | undefined;
  /** A `Date`, or ISO 8601 in a push. */
  readonly publishTime?: unknown;
  readonly orderingKey?: string | null | undefined;
  readonly deliveryAttempt?: number | undefined;
}

/** A topic or a subscription, with the client that it belongs to. */
interface PubSubEntity {
  readonly pubsub?: {
    readonly options?: {
      readonly servicePath?: string | undefined;
      readonly port?: number | undefined;
      readonly universeDomain?: string | undefined;
      readonly enableOpenTelemetryTracing?: boolean | undefined;
    };
  };
}

/** Returns the options of the client that a topic or subscription belongs to. */
export const clientOptions = (entity: object) => (entity as PubSubEntity).pubsub?.options;

/** Returns the server of a topic or subscription: an emulator, a regional endpoint, or the library's default. */
export function serverOf(entity: object): MessagingTarget {
  const options = clientOptions(entity);
  if (options === undefined) return {};
  const { servicePath, port = 443, universeDomain = 'googleapis.com' } = options;
  return { serverAddress: servicePath ?? `pubsub.${universeDomain}`, serverPort: port };
}

/** Returns a message as the conventions describe it. */
export function receivedMessage(
  message: PubSubMessage,
  subscription?: string,
  deliveryAttempt = message.deliveryAttempt ?? 0,
): Message<MessageHeaders> {
  const name = nameIn(subscription);
  return {
    destination: name,
    subscription: name,
    carrier: message.attributes ?? undefined,
    messageId: message.id ?? message.messageId ?? undefined,
    timestamp: timeOf(message.publishTime),
    delivery: {},
    attributes: {
      ...ordered(message.orderingKey),
      'gcp.pubsub.message.ack_id': message.ackId ?? undefined,
      ...(deliveryAttempt > 0 && { 'gcp.pubsub.message.delivery_attempt': deliveryAttempt }),
    },
  };
}

/** The methods of a message that settle it, by the conventions' name of the operation. */
const SETTLING = {
  ack: ['ack', 'ackWithResponse'],
  nack: ['nack', 'nackWithResponse'],
  modack: ['modAck', 'modAckWithResponse'],
} as const;

/** Returns a message that traces its acknowledgements. */
export function settlingMessage<M extends object>(
  tracer: MessagingTracer<MessageHeaders>,
  message: M,
  received: Message<MessageHeaders>,
): M {
  const methods: Record<string, Method> = {};
  for (const [operationName, names] of Object.entries(SETTLING)) {
    for (const name of names) {
      const method = (message as Record<string, unknown>)[name];
      if (typeof method !== 'function') continue;
      methods[name] = (...args) => {
        const attributes = {
          ...received.attributes,
          ...(operationName === 'modack' && { 'gcp.pubsub.message.ack_deadline': args[0] }),
        };
        return tracer.settle({ ...received, operationName, attributes }, () =>
          Reflect.apply(method, message, args),
        );
      };
    }
  }
  return wrapClient(message, methods);
}

/** Returns the last part of a path: `orders` of `projects/my-project/topics/orders`. */
export function nameIn(path: string | undefined): string | undefined {
  return typeof path === 'string' ? path.split('/').at(-1) : undefined;
}

/** Returns the attribute of messages that are delivered in order. */
export function ordered(key: string | null | undefined): Attributes {
  return key ? { 'gcp.pubsub.message.ordering_key': key } : {};
}
