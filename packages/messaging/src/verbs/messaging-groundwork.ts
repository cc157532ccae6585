import { type Attributes, type Context, type Link, ROOT_CONTEXT, type SpanContext } from '@opentelemetry/api';
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
  semconv,
  withMembers,
} from '@throughline/core/seam';
import { createBaggageDecider } from './baggage-targets.ts';
import type { CarrierCodec } from './carrier-codec.ts';
import { keepTexts } from './keep-texts.ts';
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
  /** Value of `messaging.system`, the conventions' own where they have one: `rabbitmq`. */
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
  const trust = createTrustDecider<MessagingOperation>(
    options.trust ?? (options.relation === 'link' ? distant : 'continue'),
  );

  function describe(type: MessagingOperationType, target: MessagingTarget): MessagingOperation {
    const { destination, destinationTemplate } = target;
    const template = options.destinationTemplate;
    const operation: { -readonly [Name in keyof MessagingOperation]: MessagingOperation[Name] } = withMembers(
      target as MessagingOperation,
      { system, type },
    );
    if (template !== undefined && destination !== undefined && destinationTemplate === undefined) {
      const found = guarded('options.destinationTemplate threw', () => template(destination));
      operation.destinationTemplate = typeof found === 'string' ? found : undefined;
    }
    keepTexts(operation);
    if (isCrowded(operation)) operation.crowded = true;
    return operation;
  }

  function isCrowded(operation: MessagingOperation): boolean {
    const { destination, destinationTemplate, anonymous, temporary, subscription, consumerGroup } = operation;
    const named = destinationTemplate ?? (anonymous || temporary ? undefined : destination);
    return [named, subscription, consumerGroup].some((name) => name !== undefined && !isAdmitted(name));
  }

  function describeBatch(type: MessagingOperationType, batch: MessageBatch<C>): MessagingOperation {
    const attributes = {
      [semconv.ATTR_MESSAGING_BATCH_MESSAGE_COUNT]: batch.messages.length,
      ...batch.attributes,
    };
    return describe(type, withMembers<MessagingTarget>(batch, { attributes }, ['messages']));
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

  function inject(context: Context, carrier: C | undefined, operation: MessagingOperation): C | undefined {
    const write = () => {
      const propagator = propagatorOf(options.propagator);
      const fields = fieldsOf(filterBaggage(context, baggageOf(operation)), propagator);
      if (fields === undefined) return carrier;
      const own = carrier === undefined || carrier === null ? undefined : codec.get(carrier, 'baggage');
      const replaced = replacedFields(fields, propagator, own);
      if (fields.baggage !== undefined) fields.baggage = mergedBaggage(own, fields.baggage) as string;
      return codec.write(carrier, fields, replaced);
    };
    return guarded('inject() failed (a propagator or a codec threw); nothing was added', write, carrier);
  }

  const linksOf = (operation: MessagingOperation, messages: readonly Message<C>[]): Link[] =>
    messages.length === 0 || trust(operation).parent === 'ignore'
      ? []
      : messages.flatMap(({ carrier }) => linkTo(arrivalOf(carrier).caller));

  return { settings, describe, describeBatch, isIgnored, receive: arrivalOf, inject, trust, linksOf };
}

/** Measures how long an operation of the client took. */
export const timed =
  (described: MessagingOperation): MeasureMessages =>
  (measured, seconds, error) =>
    measured.recordOperation(seconds, {
      ...messagingMetricAttributes(described, error),
      [semconv.ATTR_MESSAGING_OPERATION_TYPE]: described.type,
    });

export const linkTo = (context: SpanContext | undefined): Link[] =>
  context === undefined ? [] : [{ context }];

/** Ends an operation whose result arrives in a callback. */
export function endWith(operation: Operation | undefined, error: unknown): void {
  if (error === undefined || error === null) operation?.end();
  else operation?.fail(error);
}
