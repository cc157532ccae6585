import { type Attributes, type Context, type Link, SpanKind, trace } from '@opentelemetry/api';
import { activeContext } from '@throughline/core';
import type { Operation } from '@throughline/core/seam';
import { isTracingSuppressed, semconv, withMembers } from '@throughline/core/seam';
import type { Message, MessageBatch } from './message.ts';
import { messagingMetricAttributes } from './messaging-attributes.ts';
import { endWith, linkTo, type MessagingGroundwork, timed, withConnection } from './messaging-groundwork.ts';
import { followAnswer, type MeasureMessages, startOperation } from './messaging-operation.ts';

/** A send in progress whose result arrives in a callback. */
export interface Sending<C> {
  /** The metadata to send instead of the message's own. */
  readonly carrier: C | undefined;
  /** Runs the client's own send in the span, which ends if that throws. */
  run<T>(fn: () => T): T;
  /**
   * Adds attributes that only the answer contains, such as the id of the message. Never throws.
   *
   * `messaging.batch.message_count` also sets how many messages are counted as sent. Default: one.
   */
  describe(attributes: Attributes): void;
  /** Ends the span. `error`: the callback's argument; `null` and `undefined` mean success. Never throws. */
  end(error?: unknown): void;
}

/** What a producer does. */
export interface ProducerVerbs<C> {
  /**
   * Sends one message. `fn` gets the metadata to send: a copy with the span's context, or the user's own if that
   * holds a creation context already, which is kept and linked. `answered` returns the attributes that only the
   * answer contains, such as the id of the message.
   */
  send<T>(
    message: Message<C>,
    fn: (carrier: C | undefined) => T,
    answered?: (answer: Awaited<T>) => Attributes,
  ): T;
  /** Like {@link ProducerVerbs.send}, for clients that report the result to a callback. */
  startSend(message: Message<C>): Sending<C>;
  /**
   * Creates a message that a later call sends. It gets the span's context, and nothing is counted as sent. A message
   * that already holds a creation context is left unchanged and gets no span.
   */
  startCreate(message: Message<C>): Sending<C>;
  /**
   * Sends several messages in one call. Each gets a context of its own, from a create span where the batch has more
   * than one message; `fn` gets their metadata in order.
   */
  sendBatch<T>(
    batch: MessageBatch<C>,
    fn: (carriers: (C | undefined)[]) => T,
    answered?: (answer: Awaited<T>) => Attributes,
  ): T;
}

/** Returns the verbs of a producer. */
export function sendingVerbs<C>(groundwork: MessagingGroundwork<C>): ProducerVerbs<C> {
  const { settings, describe, describeBatch, isIgnored, receive, inject } = groundwork;

  /** Returns the metadata to send. The operation is absent if the message is not to be recorded. */
  function beginSend(
    message: Message<C>,
    type: 'create' | 'send',
    measure: MeasureMessages | undefined,
  ): { carrier: C | undefined; operation?: Operation } {
    const { carrier } = message;
    const parent = activeContext();
    if (isTracingSuppressed(parent)) return { carrier };
    const { caller: creation, passedOn } = receive(carrier);
    const kept = creation !== undefined || passedOn;
    if (kept && type === 'create') return { carrier };
    const described = describe(type, message);
    if (isIgnored(described, parent)) return { carrier: kept ? carrier : inject(parent, carrier, described) };
    const operation = startOperation(settings, described, {
      kind: kept ? SpanKind.CLIENT : SpanKind.PRODUCER,
      parent,
      links: withConnection(linkTo(creation), parent, described),
      measure,
    });
    return { carrier: kept ? carrier : inject(operation.context, carrier, described), operation };
  }

  function send<T>(
    message: Message<C>,
    fn: (carrier: C | undefined) => T,
    answered?: (answer: Awaited<T>) => Attributes,
  ): T {
    const { carrier, operation } = beginSend(message, 'send', sentOne);
    if (operation === undefined) return fn(carrier);
    return followAnswer(settings, operation, () => fn(carrier), answered);
  }

  function start(type: 'create' | 'send', message: Message<C>): Sending<C> {
    const measure =
      type === 'create' || settings.instruments() === undefined ? undefined : new SentMessages();
    const { carrier, operation } = beginSend(message, type, measure?.measure);
    return new StartedSend(carrier, operation, measure);
  }

  function sendBatch<T>(
    batch: MessageBatch<C>,
    fn: (carriers: (C | undefined)[]) => T,
    answered?: (answer: Awaited<T>) => Attributes,
  ): T {
    const messages = batch.messages.map((message) => withMembers(message, missing(message, batch)));
    const parent = activeContext();
    if (isTracingSuppressed(parent)) return fn(messages.map(({ carrier }) => carrier));
    const described = describeBatch('send', batch);
    const ignored = isIgnored(described, parent);
    const links: Link[] = [];
    // Messages that have a context of their own by now. The others get that of the send.
    const found = messages.map((message) => {
      const { caller: creation, passedOn } = receive(message.carrier);
      links.push(...linkTo(creation));
      if (creation !== undefined || passedOn) return { carrier: message.carrier };
      const create = describe('create', withMembers(message, { operationName: 'create' }));
      if (ignored) return { carrier: inject(parent, message.carrier, create) };
      if (messages.length < 2 || isIgnored(create, parent)) return undefined;
      const operation = startOperation(settings, create, { kind: SpanKind.PRODUCER, parent });
      links.push(...linkTo(trace.getSpanContext(operation.context)));
      const carrier = inject(operation.context, message.carrier, create);
      operation.end();
      return { carrier };
    });
    const carriers = (context: Context) =>
      found.map((one, index) => {
        const message = messages[index];
        if (one !== undefined || message === undefined) return one?.carrier;
        return inject(context, message.carrier, describe('send', message));
      });
    if (ignored) return fn(carriers(parent));
    const operation = startOperation(settings, described, {
      kind: found.includes(undefined) ? SpanKind.PRODUCER : SpanKind.CLIENT,
      parent,
      links,
      measure: (measured, described, seconds, error) => {
        timed(measured, described, seconds, error);
        for (const message of messages)
          measured.countSent(1, messagingMetricAttributes(describe('send', message), error));
      },
    });
    return followAnswer(settings, operation, () => fn(carriers(operation.context)), answered);
  }

  return {
    send,
    startSend: (message) => start('send', message),
    startCreate: (message) => start('create', message),
    sendBatch,
  };
}

class StartedSend<C> implements Sending<C> {
  readonly carrier: C | undefined;
  readonly #operation: Operation | undefined;
  readonly #sent: SentMessages | undefined;

  constructor(carrier: C | undefined, operation: Operation | undefined, sent: SentMessages | undefined) {
    this.carrier = carrier;
    this.#operation = operation;
    this.#sent = sent;
  }

  run<T>(fn: () => T): T {
    const operation = this.#operation;
    if (operation === undefined) return fn();
    try {
      return operation.run(fn);
    } catch (error) {
      // No callback is called then.
      operation.fail(error);
      throw error;
    }
  }

  describe(attributes: Attributes): void {
    const messages = attributes[semconv.ATTR_MESSAGING_BATCH_MESSAGE_COUNT];
    if (typeof messages === 'number' && this.#sent !== undefined) this.#sent.count = messages;
    this.#operation?.describe(attributes);
  }

  end(error?: unknown): void {
    endWith(this.#operation, error);
  }
}

/** Measures a send of which only the answer says how many messages it sent. */
class SentMessages {
  count = 1;
  readonly measure: MeasureMessages = (measured, operation, seconds, error) => {
    timed(measured, operation, seconds, error);
    measured.countSent(this.count, messagingMetricAttributes(operation, error));
  };
}

const sentOne: MeasureMessages = (measured, operation, seconds, error) => {
  timed(measured, operation, seconds, error);
  measured.countSent(1, messagingMetricAttributes(operation, error));
};

/** What a batch can say about its messages. */
const SHARED = [
  ...['operationName', 'destination', 'destinationTemplate', 'anonymous', 'temporary', 'partitionId'],
  ...['subscription', 'consumerGroup', 'clientId', 'serverAddress', 'serverPort', 'attributes'],
] as const;

/** Returns the values of a batch that one of its messages does not have itself. */
function missing(message: object, batch: object): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const name of SHARED) {
    const value: unknown = Reflect.get(batch, name);
    if (value !== undefined && Reflect.get(message, name) === undefined) found[name] = value;
  }
  return found;
}
