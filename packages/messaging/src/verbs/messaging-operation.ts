import type { Attributes, Context, Link, SpanKind, Tracer } from '@opentelemetry/api';
import { extraAttributes, Operation, reportOnce } from '@throughline/core/seam';
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
  operation: MessagingOperation,
  seconds: number,
  errorType: string | undefined,
) => void;

/** How an operation starts. */
interface Start {
  readonly kind: SpanKind;
  readonly parent: Context;
  /** Absent: none. */
  readonly links?: Link[];
  /** Absent: it is not measured. */
  readonly measure?: MeasureMessages | undefined;
}

/** Starts the operation that `described` is about. */
export function startOperation(
  settings: OperationSettings,
  described: MessagingOperation,
  start: Start,
): Operation {
  const { measure } = start;
  const measured = measure && settings.instruments();
  return new Operation(
    start.parent,
    spanStart(settings, described, start),
    measured && ((seconds, { errorType }) => measure(measured, described, seconds, errorType)),
  );
}

/** Written out, because `guarded` would need a closure per message. */
function spanStart(
  { options, tracer }: OperationSettings,
  described: MessagingOperation,
  { kind, links = [] }: Start,
) {
  const recorder = tracer();
  if (recorder === undefined) return undefined;
  try {
    const name = messagingSpanName(described);
    return { tracer: recorder, name, kind, attributes: startAttributes(described, options), links };
  } catch (error) {
    reportOnce('a message could not be described; it is not recorded', error);
    return undefined;
  }
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
