import { Scope } from '@throughline/core/seam';
import type { GraphqlOptions } from '../operation/graphql-options.ts';
import { createGraphqlTracer } from '../operation/graphql-tracer.ts';
import { type Document, operationRecord } from '../operation/operation-record.ts';
import { attachOperation } from '../schema/attached-operation.ts';
import { type Schema, traceResolvers } from '../schema/traced-schema.ts';

export type { GraphqlOptions } from '../operation/graphql-options.ts';

/** What is read of the arguments of `execute` and `subscribe`. */
export interface ExecutionArgs {
  readonly schema: Schema;
  readonly document: Document;
  readonly operationName?: string | null | undefined;
  readonly variableValues?: unknown;
  readonly contextValue?: unknown;
}

/**
 * Returns the functions that execute operations, each call in a span of its own: for servers that take `execute` and
 * `subscribe` as options, such as graphql-ws, graphql-sse and graphql-http.
 *
 * The span of a subscription ends with its events. Operations that such a server refuses before it calls these functions
 * have no span.
 *
 * @throws TypeError when an option has the wrong type. Never throws while serving.
 * @see https://opentelemetry.io/docs/specs/semconv/graphql/graphql-spans/
 * @example
 * useServer({ schema, ...traceExecution({ execute, subscribe }) }, webSocketServer);
 */
export function traceExecution<Functions extends Record<string, (args: never) => unknown>>(
  functions: Functions,
  options: GraphqlOptions = {},
): Functions {
  const tracer = createGraphqlTracer(options, new Scope('graphql', 'traceExecution()'));
  const traced = (fn: (args: never) => unknown) =>
    function tracedExecution(this: unknown, args: ExecutionArgs): unknown {
      const { document, operationName, variableValues, contextValue } = args;
      const operation = tracer.start(operationRecord(document, operationName, variableValues));
      if ((options.resolverSpans ?? 0) > 0) {
        attachOperation(contextValue, operation);
        traceResolvers(args.schema);
      }
      return operation.execute(() => Reflect.apply(fn, this, [args]));
    };
  return Object.fromEntries(Object.entries(functions).map(([name, fn]) => [name, traced(fn)])) as never;
}
