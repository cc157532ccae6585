import type { Attributes, TracerProvider } from '@opentelemetry/api';
import type { HookSpan } from '../kit/hook-span.ts';
import type { KitOptions } from '../kit/kit-options.ts';

/** The abilities that a GraphQL server may lack. */
export type GraphqlCapability =
  /** Answers several operations in one request. */
  | 'batching'
  | 'subscriptions'
  /** The span of an operation that is refused shows the operation's type, where it can be known. */
  | 'refusedType'
  /** The test has a loader of batches. */
  | 'loader'
  /** The server names the route of its requests. */
  | 'route';

/** What options and hooks receive. */
export interface GraphqlOperationLike {
  readonly type?: string | undefined;
  readonly name?: string | undefined;
}

/** Options of the server as the kit sets them. */
export interface GraphqlTraceOptions {
  readonly tracerProvider?: TracerProvider;
  readonly ignore?: (operation: GraphqlOperationLike) => boolean;
  readonly spanName?: (operation: GraphqlOperationLike) => string;
  readonly attributes?: (operation: GraphqlOperationLike) => Attributes;
  readonly requestHook?: (state: { readonly span: HookSpan; readonly request: GraphqlOperationLike }) => void;
  readonly responseHook?: (state: {
    readonly span: HookSpan;
    readonly request: GraphqlOperationLike;
    readonly outcome: { readonly errors: number };
  }) => void;
  readonly captureDocument?: boolean;
  readonly captureVariables?: readonly string[];
  readonly resolverSpans?: number;
}

/** A function for a field: `resolve`, or `subscribe` of a subscription. */
export type FieldFunction = (source: never, args: never) => unknown;

/** The application that the kit describes: a schema and its resolvers, in the form that most servers take. */
export interface GraphqlApplication {
  /** In the schema language. */
  readonly typeDefs: string;
  readonly resolvers: Readonly<
    Record<
      string,
      Readonly<
        Record<string, FieldFunction | { readonly subscribe: FieldFunction; readonly resolve: FieldFunction }>
      >
    >
  >;
}

/** What a spec file gets to serve one case. */
export interface GraphqlSetup extends GraphqlApplication {
  /** Options for the plugin under test. Absent: serve without it. */
  readonly traceOptions: GraphqlTraceOptions | undefined;
}

/** A loader of batches. */
export interface LoaderUnderTest {
  load(key: string): Promise<string>;
}

/** The events of a subscription, as the client receives them. */
export interface SubscribedEvents extends AsyncIterable<unknown> {
  /** Leaves before the end. */
  leave(): unknown;
}

/** A server that a spec file started for one case. */
export interface ServedGraphql {
  /** Where it takes `POST` requests, such as `http://127.0.0.1:4000/graphql`. */
  readonly url: string;
  /** Subscribes as a client. Default: by server-sent events over `url`. */
  subscribe?(query: string): SubscribedEvents;
  close(): unknown;
}

/** What the kit needs to know about one GraphQL server. */
export interface GraphqlConformanceOptions extends KitOptions<GraphqlCapability> {
  /** Serves the application below an HTTP server that is traced. */
  serve(setup: GraphqlSetup): ServedGraphql | Promise<ServedGraphql>;
  /** Returns the fields that a call of the application would carry now, as its client writes them. */
  outgoingFields(): Record<string, string>;
  /** Returns a loader, whose batches have spans named `load names`; needed with `loader`. */
  createLoader?(loadBatch: (keys: readonly string[]) => Promise<string[]>): LoaderUnderTest;
  /** The values of `error.type` for documents that cannot be parsed, or are not valid. Default: those of Apollo Server. */
  readonly refusals?: { readonly parse: string; readonly validation: string };
}
