import type { Attributes, Context, Link, SpanKind, Tracer } from '@opentelemetry/api';
import { extraAttributes, guarded, Operation } from '@throughline/core/seam';
import type { MessagingOperation } from './message.ts';
import { messagingAttributes, messagingSpanName } from './messaging-attributes.ts';
import type { MessagingInstruments } from './messaging-metrics.ts';
import type { MessagingOptions } from './messaging-options.ts';

/** What the operations of one tracer share. */
export interface OperationSettings {
  readonly options: MessagingOptions;
  /** Returns `undefined` where nothing is recorded. */
  readonly tracer: () => Tracer | undefined;
  readonly instruments: () => MessagingInstruments | undefined;
  /** Returns the attributes that the error of a failed call contains. */
  readonly errorAttributes?: ((error: unknown) => Attributes) | undefined;
}

/** Measures an operation that is over; `errorType` is its `error.type` if it failed. */
export type MeasureMessages = (
  measured: MessagingInstruments,
  seconds: number,
  errorType: string | undefined,
) => void;

/** Starts the operation that `described` is about. */
export function startOperation(
  { options, tracer, instruments }: OperationSettings,
  described: MessagingOperation,
  start: {
    readonly kind: SpanKind;
    readonly parent: Context;
    readonly links?: Link[];
    readonly measure?: MeasureMessages;
  },
): Operation {
  const { kind, parent, links, measure } = start;
  const recorder = tracer();
  const spanStart = () =>
    recorder && {
      tracer: recorder,
      name: messagingSpanName(described),
      kind,
      attributes: startAttributes(described, options),
      links: links ?? [],
    };
  const measured = measure && instruments();
  return new Operation(
    parent,
    guarded('a message could not be described; it is not recorded', spanStart),
    measured && ((seconds, { errorType }) => measure(measured, seconds, errorType)),
  );
}

/**
 * Runs `fn` in an operation, which ends when the result has settled.
 *
 * @param answered Returns the attributes that only the answer knows.
 */
export function followAnswer<T>(
  { errorAttributes }: OperationSettings,
  operation: Operation,
  fn: () => T,
  answered?: (answer: Awaited<T>) => Attributes,
): T {
  return operation.follow(
    fn,
    answered && ((answer) => operation.describe(answered(answer))),
    errorAttributes && ((error) => operation.describe(errorAttributes(error))),
  );
}

function startAttributes(described: MessagingOperation, options: MessagingOptions): Attributes {
  const attributes = messagingAttributes(described);
  return options.attributes === undefined
    ? attributes
    : { ...attributes, ...extraAttributes(options.attributes, described) };
}
