import type { RecordedSpan } from '../kit/recorded-span.ts';
import type { CaseWorld, StagedCase } from '../kit/staged-case.ts';
import type {
  GraphqlCapability,
  GraphqlConformanceOptions,
  GraphqlTraceOptions,
  ServedGraphql,
  SubscribedEvents,
} from './graphql-conformance-options.ts';

/** One sentence of the specification of GraphQL servers, before it is bound to one. */
export type GraphqlCase = StagedCase<GraphqlWorld, GraphqlCapability, GraphqlTraceOptions>;

/** The answer to a request. */
export interface GraphqlAnswer {
  readonly status: number;
  readonly text: string;
}

/** What a client sends for one operation. */
export interface GraphqlAsked {
  readonly query: unknown;
  readonly operationName?: unknown;
  readonly variables?: unknown;
}

/** What a GraphQL case uses. */
export interface GraphqlWorld extends CaseWorld {
  readonly options: GraphqlConformanceOptions;
  /** What resolvers noted of their context, in order. */
  readonly sightings: string[];
  /** Serves the application once more, closed with the case. */
  serve(traceOptions: GraphqlTraceOptions | undefined): Promise<ServedGraphql>;
  /** Sends operations, and returns the answer. */
  post(
    asked: GraphqlAsked | readonly GraphqlAsked[],
    headers?: Record<string, string>,
    to?: ServedGraphql,
  ): Promise<GraphqlAnswer>;
  /** Sends one operation, and returns its data and errors. */
  ask(
    query: string,
    more?: Omit<GraphqlAsked, 'query'>,
    headers?: Record<string, string>,
  ): Promise<{ readonly data?: Record<string, unknown> | null; readonly errors?: readonly unknown[] }>;
  subscribe(query: string): SubscribedEvents;
  /** Takes the next ended span of an operation. */
  operation(): Promise<RecordedSpan>;
  /** Takes the next ended SERVER span of a request. */
  request(): Promise<RecordedSpan>;
}
