import {
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanKind,
  type SpanOptions,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { namesParentlessTrace } from '@throughline/carrier';
import { guarded, reportOnce } from '@throughline/guard';
import { runInContext } from '../context/active-context.ts';
import { ATTR_ERROR_TYPE } from '../setup/semantic-conventions.ts';
import { errorType } from './error-type.ts';
import { recordException } from './exception.ts';
import { follow } from './follow.ts';

/** The tracer of an operation's span, and what the span starts with. */
export interface SpanStart extends SpanOptions {
  /** `undefined`: no span is made. */
  readonly tracer: Tracer | undefined;
  /** The name of the span, of low cardinality: `GET`, `send orders`. */
  readonly name: string;
  readonly kind: SpanKind;
}

/** The error that an operation failed with. */
export interface Failure {
  readonly error: unknown;
  /** Removes the operation's secrets from message and stack. Default: removes what looks like a secret. */
  readonly redact?: ((text: string) => string) | undefined;
}

/** How an operation ended. */
export interface OperationResult {
  /** The value of `error.type`. Absent: the operation succeeded. */
  readonly errorType?: string | undefined;
  /** Recorded as an exception where there is an `errorType`. Absent: no exception is recorded. */
  readonly failure?: Failure | undefined;
  /** Attributes of the measurement that are known only at the end. Absent: none. */
  readonly measured?: Attributes | undefined;
  /** Called if the span is recorded; may rename it, and returns the last attributes. Absent: there are none. */
  readonly complete?: ((span: Span) => Attributes) | undefined;
  /** Called if the span is recorded, after everything else is written. The caller guards it. Absent: no hook. */
  readonly hook?: ((span: Span) => void) | undefined;
}

/** Measures an operation that has ended. Must not throw. */
export type Measure = (seconds: number, result: OperationResult) => void;

const SUCCEEDED: OperationResult = {};
const NO_LINKS: readonly Link[] = [];

/**
 * One recorded piece of work: a request served, a call made, a message sent or processed, a job run.
 *
 * This class is the only place that starts, fails, ends and measures a span. It never throws: an error of a tracer, a
 * span or a context manager is reported once, and the work runs regardless.
 *
 * @example
 * const start = { tracer: tracer(), name: 'SELECT orders', kind: SpanKind.CLIENT };
 * return new Operation(activeContext(), start).follow(() => client.query(text));
 */
export class Operation {
  /** The context that the work runs in: the parent with the span, or the parent itself where no span is made. */
  readonly context: Context;
  /** The span. Absent: nothing is recorded. */
  readonly span: Span | undefined;
  readonly #measure: Measure | undefined;
  readonly #startTime: number;
  readonly #adopted: boolean;
  #ended = false;

  /**
   * @param start Absent: no span is made. Leave it out where nothing is recorded, so that no attributes are computed in
   * vain.
   * @param measure Called once, when the operation ends. Absent: nothing is measured.
   * @param adopted A span of another instrumentation; see {@link Operation.adopted}. Absent: there is none.
   */
  constructor(parent: Context, start?: SpanStart, measure?: Measure, adopted?: Span) {
    this.#measure = measure;
    this.#startTime = measure === undefined ? 0 : performance.now();
    this.#adopted = adopted !== undefined;
    const span = start?.tracer === undefined ? undefined : startSpan(parent, start.tracer, start);
    this.span = span ?? adopted;
    this.context = span === undefined ? parent : trace.setSpan(parent, span);
  }

  /** Returns an operation whose span belongs to another instrumentation: it is completed here and ended there. */
  static adopted(span: Span, context: Context): Operation {
    return new Operation(context, undefined, undefined, span);
  }

  /** Whether there is a span, and it keeps what is written to it. */
  get recording(): boolean {
    try {
      return this.span?.isRecording() === true;
    } catch (error) {
      reportOnce('a span threw in isRecording()', error);
      return false;
    }
  }

  /** Runs `fn` with {@link Operation.context} active, and returns or throws what `fn` does. */
  run<T>(fn: () => T): T {
    return runInContext(this.context, fn);
  }

  /**
   * Runs `fn` like {@link Operation.run}, and ends the operation when what `fn` returns has settled.
   *
   * @param onSuccess Called with the result before the end. An error that it throws is reported and changes nothing.
   * @param onFailure Called likewise with what `fn` failed with.
   */
  follow<T>(fn: () => T, onSuccess?: (result: Awaited<T>) => void, onFailure?: (error: unknown) => void): T {
    return follow(
      () => this.run(fn),
      (value) => {
        if (onSuccess !== undefined) guarded('a result could not be read', () => onSuccess(value));
        this.end();
      },
      (error) => {
        if (onFailure !== undefined) guarded('an error could not be read', () => onFailure(error));
        this.fail(error);
      },
    );
  }

  /** Adds attributes and links that became known after the start. */
  describe(attributes: Attributes, links: readonly Link[] = NO_LINKS): void {
    const { span } = this;
    if (span === undefined) return;
    try {
      setAttributes(span, attributes);
      if (links.length > 0) span.addLinks([...links]);
    } catch (error) {
      reportOnce('a span could not be completed', error);
    }
  }

  /** Ends the operation with an error. */
  fail(error: unknown): void {
    if (!this.#ended) this.end({ errorType: errorType(error), failure: { error } });
  }

  /** Ends the operation. Only the first call counts. */
  end(result: OperationResult = SUCCEEDED): void {
    if (this.#ended) return;
    this.#ended = true;
    const { span } = this;
    if (span !== undefined) completeSpan(span, result);
    this.#measure?.((performance.now() - this.#startTime) / 1000, result);
    if (span !== undefined && !this.#adopted) endSpan(span);
  }
}

// These guards are written out, because `guarded` would need a closure per request.

function startSpan(parent: Context, tracer: Tracer, start: SpanStart): Span | undefined {
  try {
    return namesParentlessTrace(parent)
      ? startInContext(parent, tracer, start)
      : tracer.startSpan(start.name, start, parent);
  } catch (error) {
    reportOnce('the tracer threw in startSpan(); nothing is recorded', error);
    return undefined;
  }
}

/** An id generator can see the active context only. By itself, because its closure would be prepared for every span. */
function startInContext(parent: Context, tracer: Tracer, start: SpanStart): Span {
  return runInContext(parent, () => tracer.startSpan(start.name, start, parent));
}

function completeSpan(span: Span, result: OperationResult): void {
  try {
    if (!span.isRecording()) return;
    const attributes = result.complete?.(span);
    if (attributes !== undefined) setAttributes(span, attributes);
    const { errorType, failure } = result;
    if (errorType !== undefined) {
      span.setAttribute(ATTR_ERROR_TYPE, errorType);
      span.setStatus({ code: SpanStatusCode.ERROR });
      if (failure !== undefined) recordException(span, failure.error, failure.redact);
    }
    result.hook?.(span);
  } catch (error) {
    reportOnce('a span could not be completed', error);
  }
}

/** One by one: for `setAttributes`, an SDK makes a list of lists first. */
function setAttributes(span: Span, attributes: Attributes): void {
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) span.setAttribute(name, value);
  }
}

function endSpan(span: Span): void {
  try {
    span.end();
  } catch (error) {
    reportOnce('a span could not be ended', error);
  }
}
