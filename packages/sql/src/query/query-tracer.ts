import { type Attributes, type Context, SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import { activeContext } from '@throughline/core';
import {
  errorType,
  fieldsOf,
  filterBaggage,
  follow,
  guarded,
  Operation,
  propagatorOf,
  redaction,
  type Scope,
} from '@throughline/core/seam';
import { withComment } from '../comment/with-comment.ts';
import { sanitised } from '../statement/sanitised.ts';
import { summaryOf } from '../statement/summary.ts';
import {
  ATTR_DB_COLLECTION_NAME,
  ATTR_DB_NAMESPACE,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_QUERY_SUMMARY,
  ATTR_DB_QUERY_TEXT,
  ATTR_DB_RESPONSE_STATUS_CODE,
  ATTR_DB_SYSTEM_NAME,
} from './database-conventions.ts';
import { operationDuration } from './operation-duration.ts';
import { SQL_RULES, type SqlOptions } from './sql-options.ts';

/** A query that is about to be sent. */
export interface SqlQuery {
  readonly text: string;
  /** Whether the server keeps the statement under a name, so that its text must stay the same. */
  readonly named: boolean;
  /** `db.namespace`, `server.address` and `server.port`, as far as known. */
  readonly target: Attributes;
}

/** A query that is under way. */
export interface StartedQuery {
  /** The statement to send. */
  readonly text: string;
  /** Runs what sends it, and returns or throws what `send` does. */
  run<T>(send: () => T): T;
  /** Runs what sends it, and ends when what it returns has settled. */
  follow<T>(send: () => T): T;
  /** Ends the query, with its error if there is one. Only the first call counts. */
  end(error?: unknown): void;
}

/** Starts queries. */
export type QueryTracer = (query: SqlQuery) => StartedQuery;

/** Returns what starts the queries of a client: one CLIENT span each, a measurement, and the comment. */
export function createQueryTracer(system: string, options: SqlOptions, scope: Scope): QueryTracer {
  scope.check(options, SQL_RULES);
  const { comment = 'off', labels, queryText = false } = options;
  const propagator = propagatorOf(options.propagator);
  const tracer = scope.tracer(options.tracerProvider);
  const duration = operationDuration(scope, options.meterProvider);

  function commented({ text, named }: SqlQuery, context: Context): string {
    if (comment === 'off') return text;
    const fixed = typeof labels !== 'function';
    if (named && !fixed) return text;
    const writesTrace = comment === 'traceparent' && !named && isSampled(context);
    return withComment(text, {
      ...(fixed ? labels : labels()),
      ...(writesTrace && fieldsOf(filterBaggage(context, 'drop'), propagator)),
    });
  }

  return (query) => {
    const using = tracer();
    const measuring = duration();
    const observed = using !== undefined || measuring !== undefined;
    const identity = observed ? identityOf(system, query) : {};
    const start = using && {
      tracer: using,
      name: nameOf(identity, system),
      kind: SpanKind.CLIENT,
      attributes: queryText
        ? {
            ...identity,
            [ATTR_DB_QUERY_TEXT]: guarded('a statement could not be read', () => sanitised(query.text)),
          }
        : identity,
    };
    const operation = new Operation(activeContext(), start, measuring?.(identity));
    const end = (error?: unknown) =>
      error === undefined || error === null ? operation.end() : operation.end(failed(error));
    return {
      text: guarded('a comment could not be written', () => commented(query, operation.context), query.text),
      run: (send) => operation.run(send),
      follow: (send) =>
        follow(
          () => operation.run(send),
          () => end(),
          end,
        ),
      end,
    };
  };
}

function identityOf(system: string, { text, target }: SqlQuery): Attributes {
  const summary = guarded('a statement could not be read', () => summaryOf(text));
  return {
    [ATTR_DB_SYSTEM_NAME]: system,
    ...target,
    [ATTR_DB_QUERY_SUMMARY]: summary?.text,
    [ATTR_DB_OPERATION_NAME]: summary?.operation,
    [ATTR_DB_COLLECTION_NAME]: summary?.collection,
  };
}

const nameOf = (identity: Attributes, system: string) =>
  String(identity[ATTR_DB_QUERY_SUMMARY] ?? identity[ATTR_DB_NAMESPACE] ?? system);

const isSampled = (context: Context) =>
  ((trace.getSpanContext(context)?.traceFlags ?? 0) & TraceFlags.SAMPLED) !== 0;

/** The five characters of a SQLSTATE. */
const STATE = /^[0-9A-Z]{5}$/;
/** Data that was refused, and syntax errors: their messages quote values. */
const QUOTES_VALUES = /^(?:22|42601)/;

function failed(error: unknown) {
  const { code, severity } = Object(error) as { code?: unknown; severity?: unknown };
  const state = typeof code === 'string' && severity !== undefined && STATE.test(code) ? code : undefined;
  const answer = { [ATTR_DB_RESPONSE_STATUS_CODE]: state };
  const redact = (text: string) =>
    redaction.text(QUOTES_VALUES.test(state ?? '') ? text.replace(/".*"/s, '"?"') : text);
  return {
    errorType: state ?? errorType(error),
    failure: { error, redact },
    measured: answer,
    complete: () => answer,
  };
}
