import {
  type Attributes,
  type Context,
  type Link,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  trace,
} from '@opentelemetry/api';
import { activeContext, runInContext } from '../active-context.ts';
import { carrierSetter } from '../carrier.ts';
import { ignoreRequest, isIgnoredRequest } from '../context-keys.ts';
import type { checkOptions, Owner } from '../option-check.ts';
import {
  extractWith,
  isTracingSuppressed,
  passesTraceOn,
  propagatorOf,
  remoteSpanContext,
} from '../propagation.ts';
import { registeredApi } from '../registered-api.ts';
import { guarded } from '../report.ts';
import * as semconv from '../semantic-conventions.ts';
import { tracerFor } from '../tracer.ts';
import type { CarrierCodec } from './carrier-codec.ts';
import type {
  Message,
  MessageBatch,
  MessagingOperation,
  MessagingOperationType,
  MessagingTarget,
} from './message.ts';
import { messagingMetricAttributes } from './messaging-attributes.ts';
import { messagingInstruments } from './messaging-metrics.ts';
import { checkMessagingOptions, type MessagingOptions } from './messaging-options.ts';
import { type Measure, Operation, type OperationSettings } from './operation.ts';
import { relate } from './relation.ts';

/** What a client module settles once for all messages. */
export interface MessagingSystem<C> {
  /** Value of `messaging.system`, the conventions' own where they have one: `rabbitmq`. */
  readonly system: string;
  readonly codec: CarrierCodec<C>;
}

/** A send under way whose end a callback tells. */
export interface Sending<C> {
  /** What goes on the wire instead of the message's own metadata. */
  readonly carrier: C | undefined;
  /** Runs the client's own send in the span; ends it when that throws. */
  run<T>(fn: () => T): T;
  /**
   * Adds to the span what only the answer tells, the id of the message for example. Never throws.
   *
   * `messaging.batch.message_count` also says how many messages are counted as sent; without it, one is.
   */
  describe(attributes: Attributes): void;
  /** Ends the span. `error`: what the callback was given; `null` and `undefined` mean success. Never throws. */
  end(error?: unknown): void;
}

/** The processing of a message by a client that calls the handler itself and tells the end apart from it. */
export interface Processing {
  /** What the handler is to run in. */
  readonly context: Context;
  /** Adds to the span what came up on the way. Never throws. */
  describe(attributes: Attributes): void;
  /** Ends the span. `error`: why the message was not processed; `null` and `undefined` mean success. Never throws. */
  end(error?: unknown): void;
}

/** How a message reached its handler. */
export interface Delivery {
  /**
   * What counts as active around the handler. Default: the active context. Clients that call handlers by themselves
   * pass `ROOT_CONTEXT`: what is active then belongs to whoever opened the connection.
   */
  readonly ambient?: Context | undefined;
  /** Whether a receive operation has counted the message already. Default: `false`. */
  readonly received?: boolean | undefined;
}

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
  { system, codec }: MessagingSystem<C>,
  options: MessagingOptions = {},
  owner: Owner = { package: 'core', entry: 'createMessagingTracer()' },
  moreOptions?: Parameters<typeof checkOptions>[2],
): MessagingTracer<C> {
  checkMessagingOptions(options, owner, moreOptions);
  const settings: OperationSettings = {
    options,
    recorded: () => options.tracerProvider !== undefined || registeredApi().trace !== undefined,
    tracer: tracerFor(owner, options.tracerProvider),
    instruments: messagingInstruments(owner, options.meterProvider),
  };

  function describe(type: MessagingOperationType, target: MessagingTarget): MessagingOperation {
    const { destination, destinationTemplate } = target;
    const template = options.destinationTemplate;
    if (template === undefined || destination === undefined || destinationTemplate !== undefined)
      return { ...target, system, type };
    const found = guarded('options.destinationTemplate threw', () => template(destination), undefined);
    return { ...target, system, type, destinationTemplate: typeof found === 'string' ? found : undefined };
  }

  function describeBatch(
    type: MessagingOperationType,
    { messages, ...target }: MessageBatch<C>,
  ): MessagingOperation {
    const attributes = {
      [semconv.ATTR_MESSAGING_BATCH_MESSAGE_COUNT]: messages.length,
      ...target.attributes,
    };
    return describe(type, { ...target, attributes });
  }

  function isIgnored(operation: MessagingOperation, around: Context): boolean {
    const { ignore } = options;
    return (
      isIgnoredRequest(around) ||
      (ignore !== undefined &&
        guarded('options.ignore threw; the message is traced', () => ignore(operation), false) === true)
    );
  }

  function extract(carrier: C | undefined): Context {
    if (carrier === undefined || carrier === null) return ROOT_CONTEXT;
    return extractWith(propagatorOf(options.propagator), carrier, codec);
  }

  function inject(context: Context, carrier: C | undefined): C | undefined {
    const write = () => {
      const propagator = propagatorOf(options.propagator);
      const fields: Record<string, string> = {};
      propagator.inject(context, fields, carrierSetter);
      return Object.keys(fields).length === 0 ? carrier : codec.write(carrier, fields, propagator.fields());
    };
    return guarded('inject() failed (a propagator or a codec threw); nothing was added', write, carrier);
  }

  /** The links of one message, or of each of a batch, to their creation contexts. */
  const linksOf = (messages: readonly Message<C>[]): Link[] =>
    messages.flatMap(({ carrier }) => linkTo(remoteSpanContext(extract(carrier))));

  /** A send with what goes on the wire; without an operation, nobody is to know of it. */
  function beginSend(
    message: Message<C>,
    type: 'create' | 'send' = 'send',
    count = () => 1,
  ): { carrier: C | undefined; operation?: Operation } {
    const { carrier } = message;
    const parent = activeContext();
    if (isTracingSuppressed(parent)) return { carrier };
    const existing = extract(carrier);
    const creation = remoteSpanContext(existing);
    const kept = creation !== undefined || passesTraceOn(existing);
    if (kept && type === 'create') return { carrier };
    const described = describe(type, message);
    if (isIgnored(described, parent)) return { carrier: kept ? carrier : inject(parent, carrier) };
    const operation = new Operation(settings, described, {
      kind: kept ? SpanKind.CLIENT : SpanKind.PRODUCER,
      parent,
      links: linkTo(creation),
      ...(type === 'send' && { measure: sent(described, [described], count) }),
    });
    return { carrier: kept ? carrier : inject(operation.context, carrier), operation };
  }

  function send<T>(
    message: Message<C>,
    fn: (carrier: C | undefined) => T,
    answered?: (answer: Awaited<T>) => Attributes,
  ): T {
    const { carrier, operation } = beginSend(message);
    if (operation === undefined) return fn(carrier);
    return operation.follow(
      () => fn(carrier),
      (answer) => answered && operation.describe(answered(answer), []),
    );
  }

  function start(type: 'create' | 'send', message: Message<C>): Sending<C> {
    let count = 1;
    const { carrier, operation } = beginSend(message, type, () => count);
    return {
      carrier,
      run: (fn) => (operation === undefined ? fn() : operation.run(fn)),
      describe(attributes) {
        const told = attributes[semconv.ATTR_MESSAGING_BATCH_MESSAGE_COUNT];
        if (typeof told === 'number') count = told;
        operation?.describe(attributes, []);
      },
      end: (error) => end(operation, error),
    };
  }

  function sendBatch<T>(batch: MessageBatch<C>, fn: (carriers: (C | undefined)[]) => T): T {
    const { messages: _own, ...shared } = batch;
    const messages = batch.messages.map((message) => ({ ...shared, ...defined(message) }));
    const parent = activeContext();
    if (isTracingSuppressed(parent)) return fn(messages.map(({ carrier }) => carrier));
    const described = describeBatch('send', batch);
    const ignored = isIgnored(described, parent);
    const links: Link[] = [];
    // Messages that have a context of their own by now; the others take that of the send.
    const found = messages.map((message) => {
      const existing = extract(message.carrier);
      const creation = remoteSpanContext(existing);
      links.push(...linkTo(creation));
      if (creation !== undefined || passesTraceOn(existing)) return { carrier: message.carrier };
      if (ignored) return { carrier: inject(parent, message.carrier) };
      const create = describe('create', { ...message, operationName: 'create' });
      if (messages.length < 2 || isIgnored(create, parent)) return undefined;
      const operation = new Operation(settings, create, { kind: SpanKind.PRODUCER, parent });
      links.push(...linkTo(trace.getSpanContext(operation.context)));
      const carrier = inject(operation.context, message.carrier);
      operation.end();
      return { carrier };
    });
    const carriers = (context: Context) =>
      found.map((one, index) => (one ?? { carrier: inject(context, messages[index]?.carrier) }).carrier);
    if (ignored) return fn(carriers(parent));
    const operation = new Operation(settings, described, {
      kind: found.includes(undefined) ? SpanKind.PRODUCER : SpanKind.CLIENT,
      parent,
      links,
      measure: sent(
        described,
        messages.map((message) => describe('send', message)),
      ),
    });
    return operation.follow(() => fn(carriers(operation.context)));
  }

  function receive<T>(
    source: MessagingTarget,
    fn: () => T,
    messagesOf: (result: Awaited<T>) => readonly Message<C>[] | Message<C> | undefined,
  ): T {
    const parent = activeContext();
    const described = describe('receive', source);
    if (isTracingSuppressed(parent) || isIgnored(described, parent)) return fn();
    const operation = new Operation(settings, described, {
      kind: SpanKind.CLIENT,
      parent,
      measure: timed(described),
    });
    return operation.follow(fn, (result) => {
      const found = messagesOf(result);
      const messages = found === undefined ? [] : isList(found) ? found : [found];
      const attributes: Attributes = {};
      if (isList(found)) attributes[semconv.ATTR_MESSAGING_BATCH_MESSAGE_COUNT] = found.length;
      else if (found?.messageId !== undefined)
        attributes[semconv.ATTR_MESSAGING_MESSAGE_ID] = found.messageId;
      operation.describe(attributes, linksOf(messages));
      countConsumed(described, messages.length);
    });
  }

  /** What the handler is to run in; without an operation, nobody is to know of it. */
  function beginProcess(
    message: Message<C>,
    { ambient = activeContext(), received = false }: Delivery,
  ): { context: Context; operation?: Operation } {
    if (isTracingSuppressed(ambient)) return { context: ambient };
    const extracted = extract(message.carrier);
    const how = settings.recorded() ? options : PASSED_ON;
    const { parent, links } = relate(extracted, ambient, message.timestamp, how);
    const described = describe('process', message);
    if (isIgnored(described, ambient)) {
      const { parent: passedOn } = relate(extracted, ambient, message.timestamp, PASSED_ON);
      return { context: ignoreRequest(passedOn) };
    }
    if (!received) countConsumed(described, 1);
    const operation = new Operation(settings, described, {
      kind: SpanKind.CONSUMER,
      parent,
      links,
      measure: (measured, seconds, error) =>
        measured.recordProcess(seconds, messagingMetricAttributes(described, error)),
    });
    return { context: operation.context, operation };
  }

  function process<T>(message: Message<C>, fn: () => T, delivery: Delivery = {}): T {
    const { context, operation } = beginProcess(message, delivery);
    return operation === undefined ? runInContext(context, fn) : operation.follow(fn);
  }

  function startProcess(message: Message<C>, delivery: Delivery = {}): Processing {
    const { context, operation } = beginProcess(message, delivery);
    return {
      context,
      describe: (attributes) => operation?.describe(attributes, []),
      end: (error) => end(operation, error),
    };
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
    const links = linksOf(batch.messages);
    return new Operation(settings, described, { kind: SpanKind.CLIENT, parent: ambient, links }).follow(fn);
  }

  function settle<T>(settled: Message<C> | MessageBatch<C>, fn: () => T): T {
    const parent = activeContext();
    const batch = 'messages' in settled;
    const described = batch ? describeBatch('settle', settled) : describe('settle', settled);
    if (isTracingSuppressed(parent) || isIgnored(described, parent)) return fn();
    return new Operation(settings, described, {
      kind: SpanKind.CLIENT,
      parent,
      links: linksOf(batch ? settled.messages : [settled]),
      measure: timed(described),
    }).follow(fn);
  }

  function countConsumed(described: MessagingOperation, messages: number): void {
    const measured = messages === 0 ? undefined : settings.instruments();
    measured?.countConsumed(messages, messagingMetricAttributes(described, undefined));
  }

  return {
    send,
    startSend: (message) => start('send', message),
    startCreate: (message) => start('create', message),
    sendBatch,
    receive,
    process,
    startProcess,
    processBatch,
    settle,
  };
}

/** How a message's context goes to its handler where no span of ours stands in between. */
const PASSED_ON: MessagingOptions = { relation: 'parent' };

const timed =
  (described: MessagingOperation): Measure =>
  (measured, seconds, error) =>
    measured.recordOperation(seconds, {
      ...messagingMetricAttributes(described, error),
      [semconv.ATTR_MESSAGING_OPERATION_TYPE]: described.type,
    });

const sent =
  (described: MessagingOperation, messages: readonly MessagingOperation[], count = () => 1): Measure =>
  (measured, seconds, error) => {
    timed(described)(measured, seconds, error);
    for (const message of messages) measured.countSent(count(), messagingMetricAttributes(message, error));
  };

function end(operation: Operation | undefined, error: unknown): void {
  if (error === undefined || error === null) operation?.end();
  else operation?.fail(error);
}

const linkTo = (context: SpanContext | undefined): Link[] => (context === undefined ? [] : [{ context }]);

const isList = Array.isArray as (value: unknown) => value is readonly unknown[];

/** Without the entries that are `undefined`, which would hide the batch's. */
function defined<R extends object>(record: R): R {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as R;
}
