import { ROOT_CONTEXT } from '@opentelemetry/api';
import { withMembers } from '@throughline/core/seam';
import type { Method } from '../wrapping/method.ts';
import { tracedHandler } from '../wrapping/traced-handler.ts';
import { wrapClient } from '../wrapping/wrap-client.ts';
import { type JetStreamClient, type JetStreamConsumer, traceConsumer, traceJetStream } from './jetstream.ts';
import {
  arrivals,
  brokerOf,
  brokerOfMessage,
  type NatsMessage,
  type NatsOptions,
  natsTracer,
  receivedMessage,
  type SendOptions,
  sendTraced,
  tracedMessage,
} from './nats-tracer.ts';

export type { MessagingOptions, Relation } from '../verbs/messaging-options.ts';
export type { NatsHeaders, NatsMessage, NatsOptions } from './nats-tracer.ts';

export { type JetStreamClient, type JetStreamConsumer, traceConsumer, traceJetStream };

/** A connection of `@nats-io/transport-node` or `nats`, as used here. */
export interface NatsConnection {
  readonly publish: Method;
  readonly request: Method;
  readonly subscribe: Method;
}

interface Connection {
  publish(subject: string, payload?: unknown, options?: SendOptions): unknown;
  publishMessage(message: object): unknown;
  respondMessage(message: object): unknown;
  request(subject: string, payload?: unknown, options?: SendOptions): unknown;
  requestMany(subject: string, payload?: unknown, options?: SendOptions): unknown;
  subscribe(subject: string, options?: SubscriptionOptions): unknown;
  getServer?(): string;
  /** In `nats`; `@nats-io/jetstream` has a function instead. */
  jetstream?(...args: unknown[]): JetStreamClient;
  readonly options?: { readonly inboxPrefix?: string };
}

interface SubscriptionOptions {
  readonly queue?: string;
  readonly callback?: (error: Error | null, message: NatsMessage) => unknown;
}

interface ReplyingMessage extends NatsMessage {
  readonly data: unknown;
  readonly reply?: string;
}

/**
 * Returns a connection that traces what it publishes and requests, and the callbacks of its subscriptions.
 *
 * The span of a request lasts until the reply. A callback gets a message whose `respond` is traced, and its span ends
 * when what it returns has settled. Messages of a subscription without a callback go through {@link traceHandler}.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the client itself throws.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 * @example
 * import { connect, headers } from '@nats-io/transport-node';
 *
 * const nc = traceConnection(await connect(), { headers });
 * nc.subscribe('orders', { callback: (error, message) => message.respond('done') });
 * await nc.request('orders', '{}');
 */
export function traceConnection<C extends NatsConnection>(original: C, options: NatsOptions): C {
  const tracer = natsTracer(options, 'traceConnection()');
  // The cast: the structural types name only what we call.
  const connection = original as unknown as Connection;
  const inboxes = `${connection.options?.inboxPrefix ?? '_INBOX'}.`;

  function send<R>(
    operationName: string,
    subject: string,
    given: SendOptions | undefined,
    call: (options: SendOptions | undefined) => R,
  ): R {
    // JetStream's own requests, if it was given the traced connection.
    if (String(subject).startsWith('$JS.')) return call(given);
    const anonymous = String(subject).startsWith(inboxes);
    const target = { ...brokerOf(connection), operationName, destination: subject, anonymous };
    return sendTraced(tracer, target, given, call);
  }

  return wrapClient(original, {
    publish: (subject: string, payload?: unknown, given?: SendOptions) =>
      send('publish', subject, given, (options) => connection.publish(subject, payload, options)),
    publishMessage: ({ subject, data, reply, headers }: ReplyingMessage) =>
      send('publish', subject, { headers }, (options) =>
        connection.publishMessage({ subject, data, reply, ...options }),
      ),
    respondMessage(message: ReplyingMessage) {
      const { data, reply, headers } = message;
      if (!reply) return connection.respondMessage(message);
      return send('respond', reply, { headers }, (options) =>
        connection.respondMessage({ data, reply, ...options }),
      );
    },
    request: (subject: string, payload?: unknown, given?: SendOptions) =>
      send('request', subject, given, (options) => connection.request(subject, payload, options)),
    requestMany: (subject: string, payload?: unknown, given?: SendOptions) =>
      send('request', subject, given, (options) => connection.requestMany(subject, payload, options)),
    subscribe(subject: string, given?: SubscriptionOptions) {
      const { callback, queue } = given ?? {};
      if (callback === undefined || String(subject).startsWith(inboxes))
        return connection.subscribe(subject, given);
      const traced = (error: Error | null, message: NatsMessage) => {
        if (error) return callback(error, message);
        const broker = brokerOf(connection);
        const described = {
          ...broker,
          ...receivedMessage(message, subject),
          consumerGroup: queue,
        };
        return tracer.process(described, () => callback(error, tracedMessage(message, tracer, broker)), {
          ambient: ROOT_CONTEXT,
        });
      };
      return connection.subscribe(subject, withMembers(given, { callback: traced }));
    },
    jetstream: (...args: unknown[]) =>
      traceJetStream((connection as Required<Connection>).jetstream(...args), options),
  });
}

/**
 * Returns a traced handler. Each call runs in the span that processes its message. The message that it gets traces
 * its replies and settlements.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the handler itself throws.
 * @example
 * const handle = traceHandler(async (message) => message.respond('done'), { headers });
 * for await (const message of nc.subscribe('orders')) await handle(message);
 */
export function traceHandler<M extends NatsMessage, Rest extends unknown[], R>(
  handler: (message: M, ...rest: Rest) => R,
  options: NatsOptions,
): (message: M, ...rest: Rest) => R {
  const tracer = natsTracer(options, 'traceHandler()');
  return tracedHandler(handler, (message, call) =>
    tracer.process(
      { ...brokerOfMessage(message), ...receivedMessage(message) },
      () => call(tracedMessage(message, tracer)),
      { received: arrivals.isCounted(message) },
    ),
  );
}
