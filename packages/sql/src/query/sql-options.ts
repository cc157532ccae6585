import type { MeterProvider, TextMapPropagator, TracerProvider } from '@opentelemetry/api';

/** Short facts of low cardinality about the code that asks, such as `application` and `route`. */
export type Labels = Readonly<Record<string, string | undefined>>;

/** The options of each wrapper. All are checked at set-up. */
export interface SqlOptions {
  /** Makes the spans. Default: the registered provider; if there is none, nothing is recorded. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Makes the instruments. Default: the registered provider; if there is none, nothing is measured. */
  readonly meterProvider?: MeterProvider | undefined;
  /** Writes the fields of a comment. Default: the registered one; if there is none, the caller's W3C fields are written. */
  readonly propagator?: TextMapPropagator | undefined;
  /**
   * What a comment at the end of each statement shows the database: nothing (`off`), the labels (`service`), or the labels and
   * the trace of sampled spans (`traceparent`). Baggage is never written. Default: `off`.
   */
  readonly comment?: 'off' | 'service' | 'traceparent' | undefined;
  /**
   * The labels of the comment, or a function that is called for each query and returns them. Default: none.
   */
  readonly labels?: Labels | (() => Labels) | undefined;
  /** Whether to record `db.query.text`, with `?` in place of literals and numbers. Default: false. */
  readonly queryText?: boolean | undefined;
}

const MODES: ReadonlySet<unknown> = new Set(['off', 'service', 'traceparent']);

/** The rules that the options are checked against. */
export const SQL_RULES = {
  tracerProvider: 'tracerProvider',
  meterProvider: 'meterProvider',
  propagator: 'propagator',
  comment: [(value: unknown) => MODES.has(value), `'off', 'service' or 'traceparent'`],
  labels: [isLabels, 'an object of texts, or a function'],
  queryText: 'boolean',
} as const;

function isLabels(value: unknown): boolean {
  if (typeof value === 'function') return true;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((label) => label === undefined || typeof label === 'string');
}
