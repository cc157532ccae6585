import {
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { runInContext } from '../active-context.ts';
import { errorType, recordException } from '../error-type.ts';
import { follow } from '../follow.ts';
import { extraAttributes } from '../http-server-attributes.ts';
import { guarded } from '../report.ts';
import * as semconv from '../semantic-conventions.ts';
import type { MessagingOperation } from './message.ts';
import { messagingAttributes, messagingSpanName } from './messaging-attributes.ts';
import type { MessagingInstruments } from './messaging-metrics.ts';
import type { MessagingOptions } from './messaging-options.ts';

/** What all operations of one tracer share. */
export interface OperationSettings {
  readonly options: MessagingOptions;
  /** Whether somebody takes spans. */
  readonly recorded: () => boolean;
  readonly tracer: () => Tracer;
  readonly instruments: () => MessagingInstruments | undefined;
}

/** Measures an operation that is over; `error` is its `error.type` if it failed. */
export type Measure = (measured: MessagingInstruments, seconds: number, error: string | undefined) => void;

/** One operation under way: a span and a measurement, each if somebody is there to take it. */
export class Operation {
  /** What the work runs in: holds the span, or is as it was given where none is made. */
  readonly context: Context;
  readonly #span: Span | undefined;
  readonly #measured: MessagingInstruments | undefined;
  readonly #measure: Measure | undefined;
  readonly #startTime: number;
  #ended = false;

  constructor(
    settings: OperationSettings,
    described: MessagingOperation,
    start: {
      readonly kind: SpanKind;
      readonly parent: Context;
      readonly links?: Link[];
      readonly measure?: Measure;
    },
  ) {
    const { options } = settings;
    this.#measure = start.measure;
    this.#measured = settings.instruments();
    this.#startTime = this.#measured === undefined ? 0 : performance.now();
    this.#span = settings.recorded()
      ? guarded(
          'the tracer threw in startSpan(); the message is not recorded',
          () =>
            settings.tracer().startSpan(
              messagingSpanName(described),
              {
                kind: start.kind,
                attributes: startAttributes(described, options),
                links: start.links ?? [],
              },
              start.parent,
            ),
          undefined,
        )
      : undefined;
    this.context = this.#span === undefined ? start.parent : trace.setSpan(start.parent, this.#span);
  }

  /** Runs `fn` in the operation; ends it when `fn` throws. */
  run<T>(fn: () => T): T {
    try {
      return runInContext(this.context, fn);
    } catch (error) {
      this.fail(error);
      throw error;
    }
  }

  /** Runs `fn` in the operation and ends it when what `fn` returns has settled. */
  follow<T>(fn: () => T, onSuccess?: (result: Awaited<T>) => void): T {
    return follow(
      () => runInContext(this.context, fn),
      (value) => {
        if (onSuccess !== undefined) guarded('a result could not be read', () => onSuccess(value), undefined);
        this.end();
      },
      (error) => this.fail(error),
    );
  }

  /** Adds what only the operation's result can tell. */
  describe(attributes: Attributes, links: readonly Link[]): void {
    const span = this.#span;
    if (span === undefined) return;
    const write = () => {
      span.setAttributes(attributes);
      if (links.length > 0) span.addLinks([...links]);
    };
    guarded('a span could not be completed', write, undefined);
  }

  /** Ends the operation as failed. */
  fail(error: unknown): void {
    if (this.#ended) return;
    const type = errorType(error);
    const span = this.#span;
    const write = () => {
      if (span?.isRecording() !== true) return;
      span.setAttribute(semconv.ATTR_ERROR_TYPE, type);
      span.setStatus({ code: SpanStatusCode.ERROR });
      recordException(span, error);
    };
    guarded('a span could not be completed', write, undefined);
    this.#end(type);
  }

  /** Ends the operation as done. Only the first end counts. Never throws. */
  end(): void {
    if (!this.#ended) this.#end(undefined);
  }

  #end(error: string | undefined): void {
    this.#ended = true;
    if (this.#measured !== undefined)
      this.#measure?.(this.#measured, (performance.now() - this.#startTime) / 1000, error);
    guarded('a span could not be ended', () => this.#span?.end(), undefined);
  }
}

function startAttributes(described: MessagingOperation, options: MessagingOptions): Attributes {
  const attributes = messagingAttributes(described);
  return options.attributes === undefined
    ? attributes
    : { ...attributes, ...extraAttributes(options.attributes, described) };
}
