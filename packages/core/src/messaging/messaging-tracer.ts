import type { Attributes } from '@opentelemetry/api';
import type { checkOptions, Owner } from '../option-check.ts';
import { consumingVerbs, type Delivery, type Processing } from './consuming.ts';
import type { Message, MessageBatch, MessagingTarget } from './message.ts';
import { createGroundwork, type MessagingSystem } from './messaging-groundwork.ts';
import { checkMessagingOptions, type MessagingOptions } from './messaging-options.ts';
import { type Sending, sendingVerbs } from './sending.ts';

/**
 * The operations on messages, each one span and its measurements around a function of the client or the user.
 *
 * Every verb runs its function exactly once and returns or throws what that does; a promise is waited for before the
 * span ends. Nothing of ours throws.
 */
export interface MessagingTracer<C> {
  /**
   * Sends one message. `fn` gets the metadata to send: a copy with the span's context, or the user's own if that
   * holds a creation context already, which is kept and linked. `answered` tells what only the answer knows, the id
   * of the message for example.
   */
  send<T>(
    message: Message<C>,
    fn: (carrier: C | undefined) => T,
    answered?: (answer: Awaited<T>) => Attributes,
  ): T;
  /** {@link MessagingTracer.send} for clients that tell the end by a callback. */
  startSend(message: Message<C>): Sending<C>;
  /**
   * Creates a message that a later call sends: the message gets the span's context, and nothing counts as sent. One
   * that holds a creation context already is left as it is, without a span.
   */
  startCreate(message: Message<C>): Sending<C>;
  /**
   * Sends several messages in one call. Each gets a context of its own, from a create span where the batch has more
   * than one message; `fn` gets their metadata in order.
   */
  sendBatch<T>(batch: MessageBatch<C>, fn: (carriers: (C | undefined)[]) => T): T;
  /**
   * Asks for messages. `messagesOf` tells what came: a list for calls that can return several, one message or
   * `undefined` for calls that return at most one.
   */
  receive<T>(
    source: MessagingTarget,
    fn: () => T,
    messagesOf: (result: Awaited<T>) => readonly Message<C>[] | Message<C> | undefined,
  ): T;
  /** Runs the handler of one message, with the message's context or a linked one active. */
  process<T>(message: Message<C>, fn: () => T, delivery?: Delivery): T;
  /** {@link MessagingTracer.process} for clients that call the handler themselves. */
  startProcess(message: Message<C>, delivery?: Delivery): Processing;
  /**
   * Runs the handler of a whole batch in a receive span that links to every message. The messages' own handlers are
   * run by {@link MessagingTracer.process} inside it, `received`.
   */
  processBatch<T>(batch: MessageBatch<C>, fn: () => T, delivery?: Pick<Delivery, 'ambient'>): T;
  /** Tells the broker what became of messages: ack, nack, commit, delete. */
  settle<T>(settled: Message<C> | MessageBatch<C>, fn: () => T): T;
}

/**
 * A tracer for the messages of one client; made once, when the client is wrapped.
 *
 * @param owner Names the client module, in error messages and as instrumentation scope.
 * @param moreOptions Rules of the options that this client has besides the shared ones.
 * @throws TypeError when an option has the wrong type. Nothing throws afterwards.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 * @example
 * const tracer = createMessagingTracer({ system: 'rabbitmq', codec: headersCodec });
 * tracer.send({ destination: 'orders', carrier: { tenant: 'a' } }, (headers) => broker.publish('orders', body, headers));
 * tracer.process({ destination: 'orders', carrier: message.headers }, () => handle(message));
 */
export function createMessagingTracer<C>(
  system: MessagingSystem<C>,
  options: MessagingOptions = {},
  owner: Owner = { package: 'core', entry: 'createMessagingTracer()' },
  moreOptions?: Parameters<typeof checkOptions>[2],
): MessagingTracer<C> {
  checkMessagingOptions(options, owner, moreOptions);
  const groundwork = createGroundwork(system, options, owner);
  return { ...sendingVerbs(groundwork), ...consumingVerbs(groundwork) };
}
