import { follow, Scope } from '@throughline/core/seam';
import { errorsOf } from '../operation/answer-errors.ts';
import type { GraphqlOperation } from '../operation/graphql-operation.ts';
import type { GraphqlOptions } from '../operation/graphql-options.ts';
import { createGraphqlTracer } from '../operation/graphql-tracer.ts';
import { type Document, operationRecord } from '../operation/operation-record.ts';
import { attachedOperation, attachOperation } from '../schema/attached-operation.ts';
import { type Schema, traceResolvers } from '../schema/traced-schema.ts';

export type { GraphqlOptions } from '../operation/graphql-options.ts';

type Fn = (args: never) => unknown;

interface ExecutionArgs {
  readonly document: Document;
  readonly operationName?: string | null | undefined;
  readonly variableValues?: unknown;
  readonly contextValue?: unknown;
}

/** What graphql-yoga adds to the context: what the client sent. */
export interface YogaContext {
  readonly params?: { readonly operationName?: unknown; readonly variables?: unknown } | undefined;
}

interface Answered {
  readonly result: unknown;
  setResult(answer: never): void;
}

/** A plugin for envelop and graphql-yoga: the members that it uses, structurally. */
export interface EnvelopPlugin {
  onYogaInit(payload: { readonly yoga: { readonly graphqlEndpoint: string } }): void;
  onPluginInit(payload: {
    registerContextErrorHandler(
      handler: (payload: { readonly error: unknown; readonly context: YogaContext }) => void,
    ): void;
  }): void;
  onParse(payload: { readonly context: YogaContext }): (payload: { readonly result: unknown }) => void;
  onValidate(payload: {
    readonly context: YogaContext;
    readonly params: { readonly documentAST: Document };
  }): (payload: { readonly valid: boolean; readonly result: readonly unknown[] }) => void;
  onExecute(payload: {
    readonly args: ExecutionArgs;
    readonly executeFn: Fn;
    setExecuteFn(fn: never): void;
  }): {
    onExecuteDone(payload: Answered): void;
  };
  onSubscribe(payload: {
    readonly args: ExecutionArgs;
    readonly subscribeFn: Fn;
    setSubscribeFn(fn: never): void;
  }): { onSubscribeResult(payload: Answered): void };
  /** Of graphql-yoga. */
  onExecutionResult(payload: { readonly result: unknown; readonly context: YogaContext }): void;
  readonly instrumentation: {
    execute<T>(payload: { readonly context: YogaContext }, wrapped: () => T): T;
    subscribe<T>(payload: { readonly context: YogaContext }, wrapped: () => T): T;
  };
}

/**
 * Returns a plugin for graphql-yoga and envelop that makes one span of each operation.
 *
 * Put it first among the plugins. The span covers the execution, and for a subscription all of its events. An operation that is
 * refused before has a span that ends at once.
 *
 * @throws TypeError when an option has the wrong type. Never throws while serving.
 * @see https://opentelemetry.io/docs/specs/semconv/graphql/graphql-spans/
 * @example
 * createYoga({ schema, plugins: [traceGraphql()] });
 */
export function traceGraphql(options: GraphqlOptions = {}): EnvelopPlugin {
  const tracer = createGraphqlTracer(options, new Scope('graphql', 'traceGraphql()'));
  let route: string | undefined;
  /** So that what one hook has recorded is not recorded by the next. */
  const refused = new WeakSet<object>();

  function refuse(context: YogaContext, errors: readonly unknown[], document?: Document, otherwise?: string) {
    if (refused.has(context) || attachedOperation(context) !== undefined) return;
    refused.add(context);
    const { operationName, variables } = context.params ?? {};
    tracer.refuse(operationRecord(document, operationName, variables), errors, otherwise);
  }

  function start({ document, operationName, variableValues, contextValue }: ExecutionArgs): GraphqlOperation {
    const operation = tracer.start(operationRecord(document, operationName, variableValues));
    attachOperation(contextValue, operation);
    return operation;
  }

  /** Another plugin may throw after the start; what is executed is then never answered. */
  const failWhenThrown = <T>({ context }: { readonly context: YogaContext }, wrapped: () => T): T =>
    follow(
      wrapped,
      () => {},
      (error) => attachedOperation(context)?.fail(error),
    );

  return {
    onYogaInit({ yoga }) {
      route = yoga.graphqlEndpoint;
    },
    onPluginInit({ registerContextErrorHandler }) {
      registerContextErrorHandler(({ context, error }) => refuse(context, [error]));
    },
    onParse({ context }) {
      if (route !== undefined) tracer.nameRoute(route);
      return ({ result }) => {
        if (result instanceof Error) refuse(context, [result], undefined, 'GRAPHQL_PARSE_FAILED');
      };
    },
    onValidate({ context, params }) {
      return ({ valid, result }) => {
        if (!valid) refuse(context, result, params.documentAST, 'GRAPHQL_VALIDATION_FAILED');
      };
    },
    onExecute({ args, executeFn, setExecuteFn }) {
      const operation = start(args);
      setExecuteFn(((given: never) => operation.run(() => executeFn(given))) as never);
      return { onExecuteDone: ({ result, setResult }) => setResult(operation.answer(result) as never) };
    },
    onSubscribe({ args, subscribeFn, setSubscribeFn }) {
      const operation = start(args);
      setSubscribeFn(((given: never) => operation.run(() => subscribeFn(given))) as never);
      return { onSubscribeResult: ({ result, setResult }) => setResult(operation.answer(result) as never) };
    },
    onExecutionResult({ result, context }) {
      const errors = errorsOf(result);
      if (errors.length > 0) refuse(context, errors);
    },
    instrumentation: { execute: failWhenThrown, subscribe: failWhenThrown },
    ...((options.resolverSpans ?? 0) > 0 && {
      onSchemaChange: ({ schema }: { readonly schema: Schema }) => traceResolvers(schema),
    }),
  };
}
