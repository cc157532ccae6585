import { Scope, withMembers } from '@throughline/core/seam';
import type { CarrierCodec } from '../verbs/carrier-codec.ts';
import type { Message, MessagingTarget } from '../verbs/message.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { createMessagingTracer, type MessagingTracer } from '../verbs/messaging-tracer.ts';
import { Arrivals } from '../wrapping/arrivals.ts';
import type { Method } from '../wrapping/method.ts';
import { serverAt } from '../wrapping/server-at.ts';
import { wrapClient } from '../wrapping/wrap-client.ts';

/** Headers of the client, as used here: names in the letter case that they were set in. */
export interface NatsHeaders {
  keys(): string[];
  values(name: string): string[];
  append(name: string, value: string): void;
}

/** A message that the client delivered, of NATS itself or of JetStream, as used here. */
export interface NatsMessage {
  readonly subject: string;
  readonly headers?: NatsHeaders | undefined;
}

/** The differences: NATS messages have replies, JetStream messages are settled. */
interface DeliveredMessage extends NatsMessage {
  readonly reply?: string;
  readonly respond?: (payload?: unknown, options?: SendOptions) => unknown;
  readonly ack?: Method;
  readonly info?: { readonly consumer: string; readonly timestampNanos: number | bigint };
}

/** Options of the client's calls that send. */
export interface SendOptions {
  readonly headers?: NatsHeaders | undefined;
  readonly msgID?: string;
}

/** Options of everything traced here. */
export interface NatsOptions extends MessagingOptions {
  /** The client's own function of that name: it creates the headers of messages to send. */
  readonly headers: () => NatsHeaders;
}

export type NatsTracer = MessagingTracer<NatsHeaders>;

/** @throws TypeError when an option has the wrong type, or `headers` is missing. */
export function natsTracer(options: NatsOptions, entry: string): NatsTracer {
  // `undefined` would count as not given, and this option is required.
  const { headers = null } = options ?? {};
  return createMessagingTracer(
    { system: 'nats', codec: natsCodec(headers as NatsOptions['headers']) },
    withMembers<MessagingOptions>(options, { headers }),
    new Scope('messaging', entry),
    { headers: 'function' },
  );
}

export const arrivals = new Arrivals<MessagingTarget>();

/** Returns the server that a connection is connected to now. */
export function brokerOf(connection: { getServer?(): string } | undefined): MessagingTarget {
  return serverAt(connection?.getServer?.());
}

/** Returns the server that a message came from. No public member contains it, unless a traced call has returned the message. */
export function brokerOfMessage(message: object): MessagingTarget {
  const { msg, publisher = msg?.publisher } = message as Published & { readonly msg?: Published };
  return arrivals.knownOf(message) ?? serverAt(publisher?.getServer?.()?.listen);
}

interface Published {
  readonly publisher?: { getServer?(): { readonly listen?: string } | undefined };
}

/** Headers that we wrote. Their sender is already traced. */
const written = new WeakSet<NatsHeaders>();

/**
 * Returns a codec for the client's headers, which `create` creates. It reads any letter case and writes a copy.
 */
export const natsCodec = (create: () => NatsHeaders): CarrierCodec<NatsHeaders> => ({
  keys: (headers) => headers?.keys() ?? [],
  get(headers, name) {
    const values = (headers?.keys() ?? [])
      .filter((key) => key.toLowerCase() === name.toLowerCase())
      .flatMap((key) => headers?.values(key) ?? []);
    return values.length > 1 ? values : values[0];
  },
  write(headers, fields, replaced) {
    const copy = create();
    const gone = new Set(replaced.map((name) => name.toLowerCase()));
    for (const key of headers?.keys() ?? [])
      if (!gone.has(key.toLowerCase()))
        for (const value of headers?.values(key) ?? []) copy.append(key, value);
    for (const [name, value] of Object.entries(fields)) copy.append(name, value);
    written.add(copy);
    return copy;
  },
});

/** Sends through `call`, which gets the options with the headers to send. */
export function sendTraced<R>(
  tracer: NatsTracer,
  target: MessagingTarget,
  options: SendOptions | undefined,
  call: (options: SendOptions | undefined) => R,
): R {
  const { headers, msgID } = options ?? {};
  if (headers !== undefined && written.has(headers)) return call(options);
  return tracer.send({ ...target, messageId: msgID, carrier: headers }, (carrier) =>
    call(carrier === headers ? options : withMembers(options, { headers: carrier })),
  );
}

/**
 * Returns a message as the conventions describe it. `subscribed`: the subject of the subscription, which may have
 * wildcards.
 */
export function receivedMessage(message: NatsMessage, subscribed?: string): Message<NatsHeaders> {
  const { subject, headers, info } = message as DeliveredMessage;
  return {
    destination: subject,
    destinationTemplate: subscribed !== subject ? subscribed : undefined,
    subscription: info?.consumer,
    carrier: headers,
    messageId: headers?.values('Nats-Msg-Id')[0],
    timestamp: info && Number(info.timestampNanos) / 1e6,
  };
}

/** Returns a message that traces its replies and settlements. */
export function tracedMessage<M extends NatsMessage>(
  original: M,
  tracer: NatsTracer,
  broker = brokerOfMessage(original),
): M {
  // The cast: either kind of message; its methods show which.
  const message = original as DeliveredMessage;
  const settling = (operationName: string) => {
    return (...args: never[]) =>
      tracer.settle({ ...broker, ...receivedMessage(message), operationName }, () =>
        Reflect.apply((message as unknown as Record<string, Method>)[operationName] as Method, message, args),
      );
  };
  return wrapClient(original, {
    respond(payload?: unknown, options?: SendOptions) {
      const target = { ...broker, operationName: 'respond', destination: message.reply, anonymous: true };
      return sendTraced(tracer, target, options, (sent) => message.respond?.(payload, sent));
    },
    ack: settling('ack'),
    nak: settling('nak'),
    term: settling('term'),
    ackAck: settling('ackAck'),
  });
}
