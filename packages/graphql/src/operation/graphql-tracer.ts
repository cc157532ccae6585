import { type Attributes, type Context, SpanKind } from '@opentelemetry/api';
import { activeContext } from '@throughline/core';
import type { Scope } from '@throughline/core/seam';
import { extraAttributes, guarded, nameRoute, Operation, redaction } from '@throughline/core/seam';
import {
  ATTR_GRAPHQL_DOCUMENT,
  ATTR_GRAPHQL_OPERATION_NAME,
  ATTR_GRAPHQL_OPERATION_TYPE,
  ATTR_THROUGHLINE_GRAPHQL_VARIABLES,
} from './graphql-conventions.ts';
import { GraphqlOperation } from './graphql-operation.ts';
import { checkGraphqlOptions, type GraphqlOptions } from './graphql-options.ts';
import { httpServerSpan } from './http-server-span.ts';
import type { GraphqlOperationRecord } from './operation-record.ts';

/** The longest name of an operation that is recorded; a client may send any. */
const MAX_NAME_LENGTH = 256;
/** The conventions' name for an operation whose type is not known. */
const UNKNOWN = 'GraphQL Operation';

/** Traces the operations of a GraphQL server. */
export interface GraphqlTracer {
  readonly options: GraphqlOptions;
  /** Starts an operation. Never throws. */
  start(record: GraphqlOperationRecord): GraphqlOperation;
  /**
   * Records an operation that was refused before it was executed. Never throws.
   *
   * @param otherwise The value of `error.type` if the first error has no code. Default: the error's type.
   */
  refuse(record: GraphqlOperationRecord, errors: readonly unknown[], otherwise?: string): void;
  /** Names the route of the request that is being served, if nothing else does. */
  nameRoute(template: string): void;
}

/**
 * Returns a tracer for the operations of one server.
 *
 * @throws TypeError when an option has the wrong type.
 * @see https://opentelemetry.io/docs/specs/semconv/graphql/graphql-spans/
 * @example
 * const tracer = createGraphqlTracer(options, new Scope('graphql', 'traceGraphql()'));
 */
export function createGraphqlTracer(options: GraphqlOptions, scope: Scope): GraphqlTracer {
  checkGraphqlOptions(options, scope);
  const tracer = scope.tracer(options.tracerProvider);
  const { ignore, spanName, attributes: extra, requestHook } = options;

  function isIgnored(record: GraphqlOperationRecord): boolean {
    return (
      ignore !== undefined &&
      guarded('options.ignore threw; the operation is traced', () => ignore(record), false) === true
    );
  }

  function start(record: GraphqlOperationRecord): GraphqlOperation {
    const recorder = isIgnored(record) ? undefined : tracer();
    const request = httpServerSpan();
    const standard = record.type ?? UNKNOWN;
    const operation = new Operation(
      activeContext(),
      recorder && {
        tracer: recorder,
        name: spanName === undefined ? standard : guardedName(() => spanName(record), standard),
        kind: SpanKind.SERVER,
        attributes: { ...attributesOf(record, options), ...extraAttributes(extra, record) },
      },
    );
    const { span } = operation;
    if (requestHook !== undefined && span !== undefined && operation.recording)
      guarded('options.requestHook threw', () => requestHook({ span, request: record }));
    const resolver = (parent: Context, field: string) =>
      new Operation(parent, { tracer: recorder, name: field, kind: SpanKind.INTERNAL });
    return new GraphqlOperation({ record, options, operation, request, resolver });
  }

  return {
    options,
    start,
    refuse(record, errors, otherwise) {
      const operation = start(record);
      operation.note({ errors }, otherwise);
      operation.end();
    },
    nameRoute(template) {
      const request = httpServerSpan();
      if (request !== undefined) nameRoute(request, template);
    },
  };
}

function guardedName(name: () => string, standard: string): string {
  const given = guarded('options.spanName threw', name, standard);
  return typeof given === 'string' && given !== '' ? given : standard;
}

function attributesOf(record: GraphqlOperationRecord, options: GraphqlOptions): Attributes {
  const { type, name, document, variables } = record;
  const { captureDocument = false, captureVariables } = options;
  return {
    ...(type !== undefined && { [ATTR_GRAPHQL_OPERATION_TYPE]: type }),
    ...(name !== undefined && { [ATTR_GRAPHQL_OPERATION_NAME]: name.slice(0, MAX_NAME_LENGTH) }),
    ...(captureDocument && document !== undefined && { [ATTR_GRAPHQL_DOCUMENT]: redaction.text(document) }),
    ...(captureVariables !== undefined && variables !== undefined && captured(variables, captureVariables)),
  };
}

function captured(variables: Readonly<Record<string, unknown>>, names: readonly string[]): Attributes {
  const listed = Object.entries(variables).filter(([name]) => names.includes(name));
  if (listed.length === 0) return {};
  const json = guarded('variables could not be written as JSON', () =>
    JSON.stringify(Object.fromEntries(listed)),
  );
  return json === undefined ? {} : { [ATTR_THROUGHLINE_GRAPHQL_VARIABLES]: redaction.text(json) };
}
