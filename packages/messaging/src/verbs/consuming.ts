import { type Attributes, type Context, SpanKind } from '@opentelemetry/api';
import { activeContext, runInContext } from '@throughline/core';
import type { Operation } from '@throughline/core/seam';
import { admit, ignoreRequest, isTracingSuppressed, semconv } from '@throughline/core/seam';
import type { Message, MessageBatch, MessagingOperation, MessagingTarget } from './message.ts';
import { messagingMetricAttributes } from './messaging-attributes.ts';
import { endWith, type MessagingGroundwork, timed, withConnection } from './messaging-groundwork.ts';
import { followAnswer, type MeasureMessages, startOperation } from './messaging-operation.ts';
import type { Relation } from './messaging-options.ts';
import { relate } from './relation.ts';

/** A message being processed by a client that calls the handler itself and reports the end separately. */
export interface Processing {
  /** The context to run the handler in. */
  readonly context: Context;
  /** Adds attributes that became known during the processing. Never throws. */
  describe(attributes: Attributes): void;
  /**
   * Ends the span. `error`: the reason for which the message was not processed; `null` and `undefined` mean success.
   * Never throws.
   */
  end(error?: unknown): void;
}

/** How a message reached its handler. */
export interface Delivery {
  /**
   * What counts as active around the handler. Default: the active context. Clients that call handlers by themselves
   * pass `ROOT_CONTEXT`, because what is active then belongs to the code that opened the connection.
   */
  readonly ambient?: Context | undefined;
  /** Whether a receive operation has counted the message already. Default: `false`. */
  readonly received?: boolean | undefined;
  /**
   * Whether the message is delivered again and again, as a retained one is. With the relation `auto` it is linked and starts a
   * trace of its own, because its trace would never end. Default: `false`.
   */
  readonly repeats?: boolean | undefined;
}

/** What a consumer does. */
export interface ConsumerVerbs<C> {
  /**
   * Asks for messages. `messagesOf` returns what arrived: a list for calls that can return several messages, one
   * message or `undefined` for calls that return at most one. `answered` returns the attributes that only the answer
   * knows.
   */
  receive<T>(
    source: MessagingTarget,
    fn: () => T,
    messagesOf: (result: Awaited<T>) => readonly Message<C>[] | Message<C> | undefined,
    answered?: (answer: Awaited<T>) => Attributes,
  ): T;
  /** Runs the handler of one message, with the message's context or a linked one active. */
  process<T>(message: Message<C>, fn: () => T, delivery?: Delivery): T;
  /** {@link ConsumerVerbs.process} for clients that call the handler themselves. */
  startProcess(message: Message<C>, delivery?: Delivery): Processing;
  /**
   * Runs the handler of a whole batch in a receive span that links to every message. The handlers of single messages
   * are run inside it by {@link ConsumerVerbs.process} with `received: true`.
   */
  processBatch<T>(batch: MessageBatch<C>, fn: () => T, delivery?: Pick<Delivery, 'ambient'>): T;
  /**
   * Starts the process span of a whole batch, with a link to every message, where one call of the application's code gets it
   * and its end is reported separately.
   */
  startProcessBatch(batch: MessageBatch<C>, delivery?: Pick<Delivery, 'ambient'>): Processing;
  /**
   * Reports to the broker what became of messages: ack, nack, commit, delete. `answered` returns the attributes that only
   * the answer knows.
   */
  settle<T>(
    settled: Message<C> | MessageBatch<C>,
    fn: () => T,
    answered?: (answer: Awaited<T>) => Attributes,
  ): T;
}

/** Returns the verbs of a consumer. */
export function consumingVerbs<C>(groundwork: MessagingGroundwork<C>): ConsumerVerbs<C> {
  const { settings, describe, describeBatch, isIgnored, receive: arrivalOf, trust, linksOf } = groundwork;

  function receive<T>(
    source: MessagingTarget,
    fn: () => T,
    messagesOf: (result: Awaited<T>) => readonly Message<C>[] | Message<C> | undefined,
    answered?: (answer: Awaited<T>) => Attributes,
  ): T {
    const parent = activeContext();
    const described = describe('receive', source);
    if (isTracingSuppressed(parent) || isIgnored(described, parent)) return fn();
    const operation = startOperation(settings, described, {
      kind: SpanKind.CLIENT,
      parent,
      measure: timed,
    });
    return followAnswer(settings, operation, fn, (result) => {
      const found = messagesOf(result);
      const messages = found === undefined ? [] : isList(found) ? found : [found];
      operation.describe({}, linksOf(described, messages));
      countConsumed(described, messages.length);
      const attributes: Attributes = { ...answered?.(result) };
      if (isList(found)) attributes[semconv.ATTR_MESSAGING_BATCH_MESSAGE_COUNT] = found.length;
      else if (found !== undefined) Object.assign(attributes, identityOf(describe('receive', found)));
      return attributes;
    });
  }

  /**
   * Returns the context to run the handler in. The operation is absent if the message is not to be recorded.
   */
  function beginProcess(
    message: Message<C>,
    { ambient = activeContext(), received = false, repeats = false }: Delivery,
  ): { context: Context; operation?: Operation } {
    if (isTracingSuppressed(ambient)) return { context: ambient };
    const described = describe('process', message);
    const arrival = arrivalOf(message.carrier);
    if (message.delivery !== undefined) message.delivery.arrival = arrival;
    const admission = admit(arrival, trust(described));
    if (isIgnored(described, ambient))
      return { context: ignoreRequest(relate(admission, ambient, PASSED_ON).parent) };
    const relation = settings.tracer() === undefined ? PASSED_ON : settings.options.relation;
    const { parent, links } = relate(admission, ambient, relation, repeats || isOld(message));
    if (!received) countConsumed(described, 1);
    const operation = startOperation(settings, described, {
      kind: SpanKind.CONSUMER,
      parent,
      links: withConnection(links, parent, described),
      measure: processed,
    });
    return { context: operation.context, operation };
  }

  function isOld({ timestamp }: Message<C>): boolean {
    const { maxAge } = settings.options;
    return maxAge !== undefined && timestamp !== undefined && Date.now() - timestamp > maxAge;
  }

  function process<T>(message: Message<C>, fn: () => T, delivery: Delivery = {}): T {
    const { context, operation } = beginProcess(message, delivery);
    return operation === undefined ? runInContext(context, fn) : operation.follow(fn);
  }

  function startProcess(message: Message<C>, delivery: Delivery = {}): Processing {
    const { context, operation } = beginProcess(message, delivery);
    return new StartedProcess(context, operation);
  }

  function processBatch<T>(
    batch: MessageBatch<C>,
    fn: () => T,
    { ambient = activeContext() }: Pick<Delivery, 'ambient'> = {},
  ): T {
    const described = describeBatch('receive', batch);
    if (isTracingSuppressed(ambient)) return runInContext(ambient, fn);
    if (isIgnored(described, ambient)) return runInContext(ambient, fn);
    countConsumed(described, batch.messages.length);
    const links = linksOf(described, batch.messages);
    return startOperation(settings, described, { kind: SpanKind.CLIENT, parent: ambient, links }).follow(fn);
  }

  function startProcessBatch(
    batch: MessageBatch<C>,
    { ambient = activeContext() }: Pick<Delivery, 'ambient'> = {},
  ): Processing {
    const described = describeBatch('process', batch);
    if (isTracingSuppressed(ambient) || isIgnored(described, ambient))
      return new StartedProcess(ambient, undefined);
    countConsumed(described, batch.messages.length);
    const links = linksOf(described, batch.messages);
    const operation = startOperation(settings, described, {
      kind: SpanKind.CONSUMER,
      parent: ambient,
      links,
    });
    return new StartedProcess(operation.context, operation);
  }

  function settle<T>(
    settled: Message<C> | MessageBatch<C>,
    fn: () => T,
    answered?: (answer: Awaited<T>) => Attributes,
  ): T {
    const parent = activeContext();
    const batch = 'messages' in settled;
    const described = batch ? describeBatch('settle', settled) : describe('settle', settled);
    if (isTracingSuppressed(parent) || isIgnored(described, parent)) return fn();
    const operation = startOperation(settings, described, {
      kind: SpanKind.CLIENT,
      parent,
      links: linksOf(described, batch ? settled.messages : [settled]),
      measure: timed,
    });
    return followAnswer(settings, operation, fn, answered);
  }

  function countConsumed(described: MessagingOperation, messages: number): void {
    const measured = messages === 0 ? undefined : settings.instruments();
    measured?.countConsumed(messages, messagingMetricAttributes(described, undefined));
  }

  return { receive, process, startProcess, processBatch, startProcessBatch, settle };
}

class StartedProcess implements Processing {
  readonly context: Context;
  readonly #operation: Operation | undefined;

  constructor(context: Context, operation: Operation | undefined) {
    this.context = context;
    this.#operation = operation;
  }

  describe(attributes: Attributes): void {
    this.#operation?.describe(attributes);
  }

  end(error?: unknown): void {
    endWith(this.#operation, error);
  }
}

const processed: MeasureMessages = (measured, operation, seconds, error) =>
  measured.recordProcess(seconds, messagingMetricAttributes(operation, error));

/** How a message's context reaches its handler when there is no span of ours between them. */
const PASSED_ON: Relation = 'parent';

const isList = Array.isArray as (value: unknown) => value is readonly unknown[];

/** Returns the attributes that are known only if a receive returned one message. */
function identityOf({ messageId, conversationId, attributes }: MessagingOperation): Attributes {
  return {
    ...attributes,
    ...(messageId !== undefined && { [semconv.ATTR_MESSAGING_MESSAGE_ID]: messageId }),
    ...(conversationId !== undefined && { [semconv.ATTR_MESSAGING_MESSAGE_CONVERSATION_ID]: conversationId }),
  };
}
