import { Scope, withMembers } from '@throughline/core/seam';
import { type CarrierCodec, headersCodec, type MessageHeaders } from '../verbs/carrier-codec.ts';
import type { Message, MessagingTarget } from '../verbs/message.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { createMessagingTracer } from '../verbs/messaging-tracer.ts';
import { timeOf } from '../verbs/time-of.ts';

/** A message of `@azure/service-bus`, to be sent or received, as used here. */
export interface ServiceBusMessage {
  readonly applicationProperties?: MessageHeaders | undefined;
  readonly messageId?: unknown;
  readonly correlationId?: unknown;
  readonly deliveryCount?: number | undefined;
  readonly enqueuedTimeUtc?: Date | undefined;
}

/**
 * Returns a tracer for messages in Service Bus. `entry` is the function that the user called; errors name it.
 */
export const serviceBusTracer = (options: MessagingOptions, entry: string) =>
  createMessagingTracer(
    { system: 'azure.servicebus', codec: propertiesCodec, destinations: 'administered' },
    options,
    new Scope('messaging', entry),
  );

/** The property in which Azure's own libraries keep a traceparent; they read no other. */
const DIAGNOSTIC_ID = 'Diagnostic-Id';

/**
 * The codec for application properties: `traceparent` and `Diagnostic-Id` are both written, and read in that order.
 */
export const propertiesCodec: CarrierCodec<MessageHeaders> = {
  keys: headersCodec.keys,
  get(properties, name) {
    const value = headersCodec.get(properties, name);
    return value === undefined && name === 'traceparent'
      ? headersCodec.get(properties, DIAGNOSTIC_ID)
      : value;
  },
  write(properties, fields, replaced) {
    const { traceparent } = fields;
    const names = replaced.includes('traceparent') ? [...replaced, DIAGNOSTIC_ID] : replaced;
    const written = headersCodec.write(properties, fields, names);
    return traceparent === undefined ? written : withMembers(written, { [DIAGNOSTIC_ID]: traceparent });
  },
};

/** The part of a sender or receiver that names its queue, topic or subscription. */
export interface ServiceBusLink {
  /** `orders`, `events/Subscriptions/mailer` */
  readonly entityPath: string;
}

/** Returns a queue, a topic or a subscription as the conventions describe it. */
export function entityOf(link: ServiceBusLink): MessagingTarget {
  const [, topic, subscription] = /^(.+)\/subscriptions\/([^/]+)/i.exec(link.entityPath) ?? [];
  // No public member contains them. The port is known of an emulator only.
  const { _context: context } = link as { _context?: { config?: { host?: string; port?: number } } };
  const { host: serverAddress, port: serverPort } = context?.config ?? {};
  return { destination: topic ?? link.entityPath, subscription, serverAddress, serverPort };
}

/** Returns a message as the conventions describe it. */
export function describedMessage(
  message: ServiceBusMessage,
  entity: MessagingTarget,
): Message<MessageHeaders> {
  const timestamp = timeOf(message.enqueuedTimeUtc);
  return {
    ...entity,
    carrier: message.applicationProperties,
    // The casts: ids of any type become text.
    messageId: message.messageId as string | undefined,
    conversationId: message.correlationId as string | undefined,
    timestamp,
    attributes: {
      'azure.servicebus.message.delivery_count': message.deliveryCount,
      'azure.servicebus.message.enqueued_time': timestamp && Math.floor(timestamp / 1000),
    },
  };
}
