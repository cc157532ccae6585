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

/** What a case may need: an ability, or `fetch` in the spec file. */
export type HttpServerNeed = HttpServerCapability | 'fetch';

/** One sentence of the server specification before it is bound to an adapter. */
export interface HttpServerCase extends StagedCase<HttpServerWorld, HttpServerNeed, HttpServerTraceOptions> {
  /** @default 1 */
  readonly mounts?: number;
  /** The case starts the server itself, with `world.start()`. */
  readonly manual?: boolean;
}

/** What a server case uses. */
export interface HttpServerWorld extends CaseWorld {
  readonly options: HttpServerConformanceOptions;
  readonly origin: Origin;
  readonly served: ServedHttp;
  /** Errors that passed the adapter on their way to the framework, in order. */
  readonly errors: readonly unknown[];
  readonly sightings: readonly Sighting[];
  readonly errorTypes: CutErrorTypes;
  /** The `network.protocol.version` expected: none if the adapter does not see it. */
  readonly protocolVersion: { readonly 'network.protocol.version'?: string };
  /** Whether the case itself puts a context around the server. */
  outerContext: boolean;
  start(change?: { traceOptions?: HttpServerTraceOptions; mounts?: number }): Promise<void>;
  stop(): Promise<void>;
  /** Destroys the server's side of every connection, as a process does when its grace period is over. */
  cutConnections(): void;
  /** Sends a request on a connection of its own. */
  send(path: string, request?: WireRequest): WireExchange;
  /** Sends a request and reads the whole response. */
  get(path: string, request?: WireRequest): Promise<WireResponse>;
  /** Returns a client that keeps one connection open. */
  keepAlive(): WireClient;
  bytes(pieces: string | readonly string[]): Promise<string>;
  gate(name: string): Gate;
  /** Returns the first sighting with this label, and of this request if given; waits for it. */
  sighted(label: string, request?: string): Promise<Sighting>;
  /** Takes the next ended SERVER span. */
  serverSpan(): Promise<RecordedSpan>;
  /** Returns the span name expected for a method on an endpoint given by its full template. */
  nameOf(method: string, template: string): string;
  /** Returns the `http.route` expected for an endpoint given by its full template. */
  routeOf(template: string): string | undefined;
  registerSdk(): void;
}
