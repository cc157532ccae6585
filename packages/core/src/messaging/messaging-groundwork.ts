import { type Context, type Link, ROOT_CONTEXT, type SpanContext } from '@opentelemetry/api';
import { isIgnoredRequest } from '../context-keys.ts';
import { mergedBaggage } from '../merged-baggage.ts';
import type { Operation } from '../operation.ts';
import { extractWith, fieldsOf, propagatorOf, remoteSpanContext, replacedFields } from '../propagation.ts';
import { guarded } from '../report.ts';
import type { Scope } from '../scope.ts';
import * as semconv from '../semantic-conventions.ts';
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

/** What a client module settles once for all messages. */
export interface MessagingSystem<C> {
  /** Value of `messaging.system`, the conventions' own where they have one: `rabbitmq`. */
  readonly system: string;
  readonly codec: CarrierCodec<C>;
}

/** What the verbs of sending and of consuming share. */
export interface MessagingGroundwork<C> {
  readonly settings: OperationSettings;
  /** An operation with the system and the template of its destination. */
  describe(type: MessagingOperationType, target: MessagingTarget): MessagingOperation;
  /** {@link MessagingGroundwork.describe} for a batch, with its count. */
  describeBatch(type: MessagingOperationType, batch: MessageBatch<C>): MessagingOperation;
  /** Whether the user, or whoever is around, wants nothing known of an operation. */
  isIgnored(operation: MessagingOperation, around: Context): boolean;
  /** The context that a message brings. Never throws. */
  extract(carrier: C | undefined): Context;
  /** The metadata with `context` in it: a copy, or the same if there is nothing to write. Never throws. */
  inject(context: Context, carrier: C | undefined): C | undefined;
  /** Links to the creation contexts of messages, as far as they have one. */
  linksOf(messages: readonly Message<C>[]): Link[];
}

/** The options are checked already. */
export function createGroundwork<C>(
  { system, codec }: MessagingSystem<C>,
  options: MessagingOptions,
  scope: Scope,
): MessagingGroundwork<C> {
  const settings: OperationSettings = {
    options,
    tracer: scope.tracer(options.tracerProvider),
    instruments: messagingInstruments(scope, options.meterProvider),
  };

  function describe(type: MessagingOperationType, target: MessagingTarget): MessagingOperation {
    const { destination, destinationTemplate } = target;
    const template = options.destinationTemplate;
    if (template === undefined || destination === undefined || destinationTemplate !== undefined)
      return keepTexts({ ...target, system, type });
    const found = guarded('options.destinationTemplate threw', () => template(destination), undefined);
    return keepTexts({
      ...target,
      system,
      type,
      destinationTemplate: typeof found === 'string' ? found : undefined,
    });
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
      const fields = fieldsOf(context, propagator);
      if (fields === undefined) return carrier;
      const own = carrier === undefined || carrier === null ? undefined : codec.get(carrier, 'baggage');
      const replaced = replacedFields(fields, propagator, own);
      if (fields.baggage !== undefined) fields.baggage = mergedBaggage(own, fields.baggage) as string;
      return codec.write(carrier, fields, replaced);
    };
    return guarded('inject() failed (a propagator or a codec threw); nothing was added', write, carrier);
  }

  const linksOf = (messages: readonly Message<C>[]): Link[] =>
    messages.flatMap(({ carrier }) => linkTo(remoteSpanContext(extract(carrier))));

  return { settings, describe, describeBatch, isIgnored, extract, inject, linksOf };
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

/** Ends an operation that a callback tells the end of. */
export function endWith(operation: Operation | undefined, error: unknown): void {
  if (error === undefined || error === null) operation?.end();
  else operation?.fail(error);
}
