import { type SpanContext, trace } from '@opentelemetry/api';
import { guarded, isNames } from '@throughline/guard';
import { baggageFields } from '../baggage/baggage.ts';
import { activeContext } from '../context/active-context.ts';
import { receivedSpanContext } from '../propagation/pass-through.ts';
import { Scope } from '../setup/scope.ts';

/**
 * The fields that tie a log line to its trace, under OpenTelemetry's names for formats other than OTLP. The ids are
 * absent outside of a trace.
 *
 * @see https://opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context/
 */
export interface LogFields {
  /** 32 lower-case hex digits. */
  trace_id?: string;
  /** 16 lower-case hex digits. */
  span_id?: string;
  /** Two hex digits: `01` when the trace is sampled, `00` when not; without an SDK, the caller's flags as received. */
  trace_flags?: string;
  /** The listed baggage entries that are present. */
  [entry: `baggage.${string}`]: string;
}

/** Options of {@link createLogFields}. */
export interface LogFieldsOptions {
  /**
   * Names of baggage entries to add as `baggage.<name>`, at most 16, values cut at 256 characters. **List no entry
   * that may hold personal data or secrets.** Default: none.
   */
  readonly baggage?: readonly string[] | undefined;
}

/** Returns the fields of the active context in a new object, `{}` outside of a trace. Ignores its arguments. */
export type ReadLogFields = () => LogFields;

/**
 * Returns a {@link logFields} that adds baggage.
 *
 * @throws TypeError at set-up when an option has the wrong type. What it returns never throws.
 * @example
 * const logger = pino({ mixin: createLogFields({ baggage: ['tenant'] }) });
 */
export function createLogFields(options: LogFieldsOptions = {}): ReadLogFields {
  return logFieldsReader(options, 'createLogFields()');
}

/** Like {@link createLogFields}, with errors that name the function that the user called. */
export function logFieldsReader(options: LogFieldsOptions, entry: string): ReadLogFields {
  const scope = new Scope('core', entry);
  scope.check(options, {
    baggage: [(value) => isNames(value) && value.length <= 16, 'an array of at most 16 names'],
  });
  const names = options.baggage ?? [];
  return function logFields() {
    return guarded('the fields of a log line could not be read', () => fieldsOf(names), {});
  };
}

/**
 * Returns the ids of the active span for a log line: `{ trace_id, span_id, trace_flags }`, or `{}` outside of a trace.
 *
 * Without an SDK they are the caller's, as received: the trace that this service passes on. Call it where the line is
 * logged. It ignores arguments, so that a logger may call it with its own.
 *
 * @example
 * const logger = pino({ mixin: logFields });
 */
export const logFields: ReadLogFields = createLogFields();

function fieldsOf(names: readonly string[]): LogFields {
  const context = activeContext();
  const span = trace.getSpanContext(context);
  const named = span !== undefined && trace.isSpanContextValid(span) ? span : receivedSpanContext(context);
  return { ...(named && idsOf(named)), ...(names.length > 0 && baggageFields(names, context)) };
}

function idsOf({ traceId, spanId, traceFlags }: SpanContext): LogFields {
  const flags = (traceFlags & 0xff).toString(16).padStart(2, '0');
  return { trace_id: traceId, span_id: spanId, trace_flags: flags };
}
