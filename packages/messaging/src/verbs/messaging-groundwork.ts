import {
  type Attributes,
  type Context,
  type Link,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
} from '@opentelemetry/api';
import type { TrustDecision } from '@throughline/core';
import type { Operation, Scope } from '@throughline/core/seam';
import {
  type Arrival,
  createTrustDecider,
  fieldsOf,
  filterBaggage,
  guarded,
  isIgnoredRequest,
  mergedBaggage,
  propagatorOf,
  receive,
  replacedFields,
  reportOnce,
  semconv,
} from '@throughline/core/seam';
import { createBaggageDecider } from './baggage-targets.ts';
import type { CarrierCodec } from './carrier-codec.ts';
import { described } from './described.ts';
import type {
  Message,
  MessageBatch,
  MessagingOperation,
  MessagingOperationType,
  MessagingTarget,
} from './message.ts';
import { messagingMetricAttributes } from './messaging-attributes.ts';
import { messagingInstruments } from './messaging-metrics.ts';
import type { MeasureMessages, OperationSettings } from './messaging-operation.ts';
import type { MessagingOptions } from './messaging-options.ts';
import { createNameLimit } from './name-limit.ts';

/** What a client module decides once for all messages. */
export interface MessagingSystem<C> {
  /** Value of `messaging.system.name`, the conventions' own where they have one: `rabbitmq`. */
  readonly system: string;
  readonly codec: CarrierCodec<C>;
  /**
   * Who creates destinations. More names get into span names and metrics if only administrators do. Default: any
   * sender.
   */
  readonly destinations?: 'administered' | undefined;
  /** Returns the attributes that the error of a failed call contains. Default: none. */
  readonly errorAttributes?: ((error: unknown) => Attributes) | undefined;
}

/** What sending and consuming share. */
export interface MessagingGroundwork<C> {
  readonly settings: OperationSettings;
  /** Returns an operation with the system and the template of its destination. */
  describe(type: MessagingOperationType, target: MessagingTarget): MessagingOperation;
  /** Like {@link MessagingGroundwork.describe}, for a batch and with its count. */
  describeBatch(type: MessagingOperationType, batch: MessageBatch<C>): MessagingOperation;
  /** Whether `options.ignore`, or an ignored request around it, excludes the operation. */
  isIgnored(operation: MessagingOperation, around: Context): boolean;
  /** Returns what a message brings. Never throws. */
  receive(carrier: C | undefined): Arrival;
  /**
   * Returns a copy of the metadata with `context` and the baggage that the operation may carry, or the metadata
   * itself if there is nothing to write. Never throws.
   */
  inject(context: Context, carrier: C | undefined, operation: MessagingOperation): C | undefined;
  /** Returns how far the context of an operation's messages is trusted. Never throws. */
  trust(operation: MessagingOperation): TrustDecision;
  /** Returns links to the creation contexts of messages, unless these are to be ignored. */
  linksOf(operation: MessagingOperation, messages: readonly Message<C>[]): Link[];
}

const NOTHING: Arrival = { received: ROOT_CONTEXT, caller: undefined, passedOn: false };

/** Expects checked options. */
export function createGroundwork<C>(
  { system, codec, destinations, errorAttributes }: MessagingSystem<C>,
  options: MessagingOptions,
  scope: Scope,
): MessagingGroundwork<C> {
  const settings: OperationSettings = {
    options,
    tracer: scope.tracer(options.tracerProvider),
    instruments: messagingInstruments(scope, options.meterProvider),
    errorAttributes,
  };

  const isAdmitted = createNameLimit(system, destinations === 'administered', options);
  const baggageOf = createBaggageDecider(options);
  // An application that only links may want to keep strangers out.
  const distant: TrustDecision = { parent: 'continue', baggage: 'drop' };
  const decideTrust = createTrustDecider<MessagingOperation>(
    options.trust ?? (options.relation === 'link' ? distant : 'continue'),
  );
  const trust = (operation: MessagingOperation) => operation.connection?.trust ?? decideTrust(operation);

  function describe(
    type: MessagingOperationType,
    target: MessagingTarget,
    attributes = target.attributes,
  ): MessagingOperation {
    const operation = described(system, type, target, templateOf(target), attributes);
    if (isCrowded(operation)) operation.crowded = true;
    return operation;
  }

  function templateOf({ destination, destinationTemplate }: MessagingTarget): string | undefined {
    const template = options.destinationTemplate;
    if (template === undefined || destination === undefined || destinationTemplate !== undefined)
      return destinationTemplate;
    const found = guarded('options.destinationTemplate threw', () => template(destination));
    return typeof found === 'string' ? found : undefined;
  }

  function isCrowded(operation: MessagingOperation): boolean {
    const { destination, destinationTemplate, anonymous, temporary, subscription, consumerGroup } = operation;
    const named = destinationTemplate ?? (anonymous || temporary ? undefined : destination);
    return isOneTooMany(named) || isOneTooMany(subscription) || isOneTooMany(consumerGroup);
  }

  function isOneTooMany(name: string | undefined): boolean {
    return name !== undefined && !isAdmitted(name);
  }

  function describeBatch(type: MessagingOperationType, batch: MessageBatch<C>): MessagingOperation {
    return describe(type, batch, {
      [semconv.ATTR_MESSAGING_BATCH_MESSAGE_COUNT]: batch.messages.length,
      ...batch.attributes,
    });
  }

  function isIgnored(operation: MessagingOperation, around: Context): boolean {
    const { ignore } = options;
    return (
      isIgnoredRequest(around) ||
      (ignore !== undefined &&
        guarded('options.ignore threw; the message is traced', () => ignore(operation), false) === true)
    );
  }

  function arrivalOf(carrier: C | undefined): Arrival {
    if (carrier === undefined || carrier === null) return NOTHING;
    return receive(propagatorOf(options.propagator), carrier, codec);
  }

  /** Written out, because `guarded` would need a closure per message. */
  function inject(context: Context, carrier: C | undefined, operation: MessagingOperation): C | undefined {
    try {
      const propagator = propagatorOf(options.propagator);
      const fields = fieldsOf(
        filterBaggage(context, operation.connection?.baggage ?? baggageOf(operation)),
        propagator,
      );
      if (fields === undefined) return carrier;
      const own = carrier === undefined || carrier === null ? undefined : codec.get(carrier, 'baggage');
      const replaced = replacedFields(fields, propagator, own);
      if (fields.baggage !== undefined) fields.baggage = mergedBaggage(own, fields.baggage) as string;
      return codec.write(carrier, fields, replaced);
    } catch (error) {
      reportOnce('inject() failed (a propagator or a codec threw); nothing was added', error);
      return carrier;
    }
  }

  function linksOf(operation: MessagingOperation, messages: readonly Message<C>[]): Link[] {
    if (messages.length === 0 || trust(operation).parent === 'ignore') return [];
    const [message, second] = messages;
    // Most settle one. The list of `flatMap` takes room for 17.
    if (message !== undefined && second === undefined) return linkTo(callerOf(message));
    return messages.flatMap((one) => linkTo(callerOf(one)));
  }

  function callerOf({ carrier, delivery }: Message<C>): SpanContext | undefined {
    return (delivery?.arrival ?? arrivalOf(carrier)).caller;
  }

  return { settings, describe, describeBatch, isIgnored, receive: arrivalOf, inject, trust, linksOf };
}

/** Measures how long an operation of the client took. */
export const timed: MeasureMessages = (measured, operation, seconds, error) =>
  measured.recordOperation(seconds, {
    ...messagingMetricAttributes(operation, error),
    [semconv.ATTR_MESSAGING_OPERATION_TYPE]: operation.type,
  });

/** Returns the links of a span that starts in `parent`: these, and one to the message's connection if it starts a trace. */
export function withConnection(links: Link[], parent: Context, { connection }: MessagingOperation): Link[] {
  if (connection?.span === undefined || trace.getSpanContext(parent) !== undefined) return links;
  return [...links, { context: connection.span }];
}

export const linkTo = (context: SpanContext | undefined): Link[] =>
  context === undefined ? [] : [{ context }];

/** Ends an operation whose result arrives in a callback. */
export function endWith(operation: Operation | undefined, error: unknown): void {
  if (error === undefined || error === null) operation?.end();
  else operation?.fail(error);
}
