import type { SpanContext } from '@opentelemetry/api';
import type { RecordedSpan } from '../kit/recorded-span.ts';
import type { CaseWorld, StagedCase } from '../kit/staged-case.ts';
import type { RpcBothTraceOptions, RpcCapability, RpcConformanceOptions } from './rpc-conformance-options.ts';
import type { RpcAnswer, RpcHandler, RpcKind, RpcToMake, RpcUnderTest } from './rpc-under-test.ts';

/** One sentence of the RPC specification before it is bound to a library. */
export type RpcCase = StagedCase<RpcWorld, RpcCapability, RpcBothTraceOptions>;

/** What was active at a place in the application. */
export interface Sighting {
  readonly place: string;
  readonly span: SpanContext | undefined;
  readonly tenant: string | undefined;
}

/** What an RPC case uses. */
export interface RpcWorld extends CaseWorld {
  readonly options: RpcConformanceOptions;
  /** The kinds of call that the library can make. */
  readonly kinds: readonly RpcKind[];
  readonly rpc: RpcUnderTest;
  /** Makes another client and server, closed with the case, that answer as `handle` says. */
  connect(traceOptions: RpcBothTraceOptions): Promise<RpcUnderTest>;
  /** Answers calls in this way from now on. Before that, calls are answered with their own messages. */
  handle(handler: RpcHandler): void;
  /** Makes a call with the message `a`. */
  call(kind: RpcKind, more?: Partial<RpcToMake>): Promise<RpcAnswer>;
  /** Takes the next ended CLIENT span. */
  client(): Promise<RecordedSpan>;
  /** Takes the next ended SERVER span. */
  server(): Promise<RecordedSpan>;
  /** Notes what is active. */
  see(place: string): void;
  readonly sightings: readonly Sighting[];
}
