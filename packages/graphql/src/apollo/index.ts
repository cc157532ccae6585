import { Scope } from '@throughline/core/seam';
import type { GraphqlOperation } from '../operation/graphql-operation.ts';
import type { GraphqlOptions } from '../operation/graphql-options.ts';
import { createGraphqlTracer } from '../operation/graphql-tracer.ts';
import { type Document, operationRecord } from '../operation/operation-record.ts';
import { attachedOperation, attachOperation } from '../schema/attached-operation.ts';
import { type Schema, traceResolvers } from '../schema/traced-schema.ts';

export type { GraphqlOptions } from '../operation/graphql-options.ts';

/** What is read of the object that Apollo Server passes to its plugins. */
interface RequestContext {
  readonly request: { readonly operationName?: string | undefined; readonly variables?: unknown };
  readonly schema: Schema;
  readonly document?: Document | undefined;
  readonly contextValue: unknown;
  readonly errors?: readonly unknown[] | undefined;
  readonly response: { readonly body?: unknown };
}

/** A plugin for Apollo Server: the members that it uses, structurally. */
export interface ApolloPlugin {
  requestDidStart(): Promise<{
    didResolveOperation(request: RequestContext): Promise<void>;
    willSendResponse(request: RequestContext): Promise<void>;
  }>;
  unexpectedErrorProcessingRequest(failed: {
    readonly requestContext: RequestContext;
    readonly error: Error;
  }): Promise<void>;
}

/**
 * Returns a plugin for Apollo Server 4 and 5 that makes one span of each operation.
 *
 * The span begins when the document is validated, and ends when the answer is made. An operation that is refused before has a span that
 * ends at once. Apollo's plugins cannot wrap the execution, so the resolvers of the schema are replaced by ones that run in the
 * operation's context.
 *
 * @throws TypeError when an option has the wrong type. Never throws while serving.
 * @see https://opentelemetry.io/docs/specs/semconv/graphql/graphql-spans/
 * @example
 * new ApolloServer({ typeDefs, resolvers, plugins: [traceGraphql()] });
 */
export function traceGraphql(options: GraphqlOptions = {}): ApolloPlugin {
  const tracer = createGraphqlTracer(options, new Scope('graphql', 'traceGraphql()'));
  const recordOf = ({ document, request }: RequestContext) =>
    operationRecord(document, request.operationName, request.variables);

  return {
    async requestDidStart() {
      let operation: GraphqlOperation | undefined;
      return {
        async didResolveOperation(request) {
          operation = tracer.start(recordOf(request));
          attachOperation(request.contextValue, operation);
          traceResolvers(request.schema);
        },
        async willSendResponse(request) {
          const { errors = errorsIn(request.response.body) } = request;
          if (operation !== undefined) {
            operation.note({ errors });
            operation.end();
          } else if (errors.length > 0) tracer.refuse(recordOf(request), errors);
        },
      };
    },
    async unexpectedErrorProcessingRequest({ requestContext, error }) {
      attachedOperation(requestContext.contextValue)?.fail(error);
    },
  };
}

/** Another plugin may have answered in place of the execution. */
function errorsIn(body: unknown): readonly unknown[] {
  const { singleResult } = (body ?? {}) as {
    readonly singleResult?: { readonly errors?: readonly unknown[] };
  };
  return singleResult?.errors ?? [];
}
