import type { Context, Span } from '@opentelemetry/api';
import type { Scope } from '@throughline/core/seam';
import type { ForeignSpan } from './http-server-adoption.ts';
import type { HttpServerOptions } from './http-server-options.ts';

/**
 * Watches how a server is mounted and what becomes of its requests.
 *
 * A tracer and its adapter report facts; the observer decides what they mean. Its methods do not throw. Three flags say
 * which facts it still asks for, so that a request pays nothing for those that are not watched.
 *
 * @internal Does not follow semantic versioning.
 */
export interface ServerObserver {
  /** Whether {@link started}, {@link ended} and {@link foreign} are to be reported. */
  readonly watching: boolean;
  /** Whether no request has come in yet, and {@link mountedAfter} is to be reported. */
  readonly first: boolean;
  /** Whether {@link answered} is to be reported. */
  readonly watchingAnswers: boolean;
  /** A request has begun to be served. */
  started(exchange: { readonly span: Span; readonly context: Context }): void;
  /** A request that was reported as started is over. */
  ended(): void;
  /** Another tracer has started a span for the request. */
  foreign(found: ForeignSpan): void;
  /** A request came in that another tracer of ours serves. `namesRoute`: this one names the route, which that one does not. */
  servedTwice(namesRoute: boolean): void;
  /** A request was answered inside `exchange`. */
  answered(req: object, exchange: { readonly span: Span }): void;
  /** A request reached the middleware. `routes` returns the routes that stand before it. */
  mountedAfter(routes: () => readonly string[]): void;
  /** The plugin is registered, and the application is ready: every route is known. */
  registered(reachesNoRoute: () => boolean): void;
}

/**
 * Returns the observer of a server that is being mounted. The options are checked already.
 *
 * @internal Does not follow semantic versioning.
 */
export type ObserveServer = (options: HttpServerOptions, scope: Scope) => ServerObserver;

/** The observer of a server that is not watched. */
export const NOT_OBSERVED: ServerObserver = {
  watching: false,
  first: false,
  watchingAnswers: false,
  started() {},
  ended() {},
  foreign() {},
  servedTwice() {},
  answered() {},
  mountedAfter() {},
  registered() {},
};
