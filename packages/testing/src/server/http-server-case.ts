import type { Gate } from '../kit/gate.ts';
import type { RecordedSpan } from '../kit/recorded-span.ts';
import type { CaseWorld, StagedCase } from '../kit/staged-case.ts';
import type {
  CutErrorTypes,
  HttpServerCapability,
  HttpServerConformanceOptions,
  HttpServerTraceOptions,
  ServedHttp,
} from './http-server-conformance-options.ts';
import type { Sighting } from './sightings.ts';
import type { Origin, WireClient, WireExchange, WireRequest, WireResponse } from './wire.ts';

/** What a case may need: an ability, or a client in the spec file. */
export type HttpServerNeed = HttpServerCapability | 'fetch';

/** One sentence of the server specification before it is bound to an adapter. */
export interface HttpServerCase extends StagedCase<HttpServerWorld, HttpServerNeed, HttpServerTraceOptions> {
  /** @default 1 */
  readonly mounts?: number;
  /** The case starts the server itself, with `world.start()`. */
  readonly manual?: boolean;
}

/** What a server case works with. */
export interface HttpServerWorld extends CaseWorld {
  readonly options: HttpServerConformanceOptions;
  readonly origin: Origin;
  readonly served: ServedHttp;
  /** Errors that left the adapter towards the framework, in order. */
  readonly errors: readonly unknown[];
  readonly sightings: readonly Sighting[];
  readonly errorTypes: CutErrorTypes;
  /** Set by cases that put a context around the server on purpose. */
  outerContext: boolean;
  start(change?: { traceOptions?: HttpServerTraceOptions; mounts?: number }): Promise<void>;
  stop(): Promise<void>;
  /** Destroys the server's side of every connection, as a process does that gives up waiting. */
  cutConnections(): void;
  /** Sends a request on a connection of its own. */
  send(path: string, request?: WireRequest): WireExchange;
  /** Sends a request and reads the whole response. */
  get(path: string, request?: WireRequest): Promise<WireResponse>;
  /** A client that keeps one connection open. */
  keepAlive(): WireClient;
  bytes(pieces: string | readonly string[]): Promise<string>;
  gate(name: string): Gate;
  /** The first sighting with this label, for this request if named; waits for it. */
  sighted(label: string, request?: string): Promise<Sighting>;
  /** Takes the next ended SERVER span. */
  serverSpan(): Promise<RecordedSpan>;
  /** Span name expected for a method on an endpoint given by its full template. */
  nameOf(method: string, template: string): string;
  /** `http.route` expected for an endpoint given by its full template. */
  routeOf(template: string): string | undefined;
  registerSdk(): void;
}
