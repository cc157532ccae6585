import type { Attributes, TracerProvider } from '@opentelemetry/api';
import type { RequestHookState, ResponseHookState, Scope } from '@throughline/core/seam';
import type { GraphqlOperationRecord } from './operation-record.ts';

/** How an operation ended. */
export interface GraphqlOutcome {
  /** How many errors it answered with; those of a subscription's events included. */
  readonly errors: number;
}

/**
 * Options for every GraphQL server, under the names that they have for HTTP servers.
 *
 * All are checked at set-up. Functions are guarded: what they throw is reported to OpenTelemetry's `diag` once per cause, and
 * the operation continues as if the option were not set.
 */
export interface GraphqlOptions {
  /** Makes the spans. Default: the provider registered with the API; if there is none, nothing is recorded. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Returns whether to make no spans of an operation. Default: no operation is ignored. */
  readonly ignore?: ((operation: GraphqlOperationRecord) => boolean) | undefined;
  /**
   * Returns the span's name. The operation's name comes from the client, so use it only where clients are your own, or where
   * only stored documents are served. Default: the type, `query`.
   */
  readonly spanName?: ((operation: GraphqlOperationRecord) => string) | undefined;
  /** Returns more attributes for the span. Called before it starts, so that samplers see them. Default: there are none. */
  readonly attributes?: ((operation: GraphqlOperationRecord) => Attributes) | undefined;
  /** Called once, when the span has started; not for a span that is not recorded. Default: nothing is called. */
  readonly requestHook?: ((state: RequestHookState<GraphqlOperationRecord>) => void) | undefined;
  /** Called once, before the span ends; not for a span that is not recorded. Default: nothing is called. */
  readonly responseHook?:
    | ((state: ResponseHookState<GraphqlOperationRecord, GraphqlOutcome>) => void)
    | undefined;
  /**
   * Whether to record the text of the document as `graphql.document`, without what looks like a secret. Values that clients write
   * into the document instead of into variables are recorded. Default: `false`.
   */
  readonly captureDocument?: boolean | undefined;
  /**
   * Names of variables to record, as JSON in `throughline.graphql.variables`, without what looks like a secret. Default: none.
   */
  readonly captureVariables?: readonly string[] | undefined;
  /**
   * How many resolvers of an operation get a span of their own, named by type and field, `Query.user`. Only fields with a resolver
   * function count. Default: 0.
   */
  readonly resolverSpans?: number | undefined;
}

/**
 * Checks the options of a GraphQL server.
 *
 * @throws TypeError that names the option and what it got.
 */
export function checkGraphqlOptions(options: GraphqlOptions, scope: Scope): void {
  scope.check(options, {
    tracerProvider: 'tracerProvider',
    ignore: 'function',
    spanName: 'function',
    attributes: 'function',
    requestHook: 'function',
    responseHook: 'function',
    captureDocument: 'boolean',
    captureVariables: 'names',
    resolverSpans: [(value) => Number.isInteger(value) && Number(value) >= 0, 'a whole number'],
  });
}
