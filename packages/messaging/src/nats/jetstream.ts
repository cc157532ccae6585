import { ROOT_CONTEXT } from '@opentelemetry/api';
import { withMembers } from '@throughline/core/seam';
import type { Method } from '../wrapping/method.ts';
import { wrapClient } from '../wrapping/wrap-client.ts';
import {
  arrivals,
  brokerOf,
  type NatsMessage,
  type NatsOptions,
  natsTracer,
  receivedMessage,
  type SendOptions,
  sendTraced,
  tracedMessage,
} from './nats-tracer.ts';

/** A client of `@nats-io/jetstream` or of `nats`, as used here. */
export interface JetStreamClient {
  readonly publish: Method;
}

/** A consumer of JetStream, as used here. */
export interface JetStreamConsumer {
  readonly consume: Method;
}

interface Connected {
  getServer?(): string;
}

interface Client {
  readonly nc?: Connected;
  publish(subject: string, payload?: unknown, options?: SendOptions): unknown;
}

interface Consumer {
  readonly api?: { readonly nc?: Connected };
  consume(options?: { readonly callback?: (message: NatsMessage) => unknown }): unknown;
  next(...args: unknown[]): unknown;
}

/**
 * Returns a JetStream client that traces what it publishes. The span lasts until the stream has stored the message.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the client itself throws.
 * @example
 * const js = traceJetStream(jetstream(nc), { headers });
 * await js.publish('orders.paid', '{}');
 */
export function traceJetStream<J extends JetStreamClient>(original: J, options: NatsOptions): J {
  const tracer = natsTracer(options, 'traceJetStream()');
  // The cast: the structural types name only what we call.
  const client = original as unknown as Client;
  return wrapClient(original, {
    publish: (subject: string, payload?: unknown, given?: SendOptions) =>
      sendTraced(
        tracer,
        { ...brokerOf(client.nc), operationName: 'publish', destination: subject },
        given,
        (options) => client.publish(subject, payload, options),
      ),
  });
}

/**
 * Returns a JetStream consumer that traces the callback of `consume`, and `next`.
 *
 * The callback gets a message whose `ack`, `ackAck`, `nak` and `term` are traced. Messages of an iterator, from
 * `fetch` and from `next` go through {@link traceHandler}.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the client itself throws.
 * @example
 * const consumer = traceConsumer(await js.consumers.get('ORDERS', 'mailer'), { headers });
 * await consumer.consume({ callback: (message) => message.ack() });
 */
export function traceConsumer<C extends JetStreamConsumer>(original: C, options: NatsOptions): C {
  const tracer = natsTracer(options, 'traceConsumer()');
  // The cast: as above.
  const consumer = original as unknown as Consumer;
  return wrapClient(original, {
    consume(given?: { readonly callback?: (message: NatsMessage) => unknown }) {
      const callback = given?.callback;
      if (callback === undefined) return consumer.consume(given);
      const traced = (message: NatsMessage) => {
        const broker = brokerOf(consumer.api?.nc);
        return tracer.process(
          { ...broker, ...receivedMessage(message) },
          () => callback(tracedMessage(message, tracer, broker)),
          { ambient: ROOT_CONTEXT },
        );
      };
      return consumer.consume(withMembers(given, { callback: traced }));
    },
    next: (...args: unknown[]) =>
      tracer.receive(
        { ...brokerOf(consumer.api?.nc), operationName: 'next' },
        () => consumer.next(...args),
        (message) => {
          if (message === null) return undefined;
          arrivals.note(message as object, brokerOf(consumer.api?.nc));
          arrivals.count(message as object);
          return receivedMessage(message as NatsMessage);
        },
      ),
  });
}
