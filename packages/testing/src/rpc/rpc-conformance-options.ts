import type { HookSpan } from '../kit/hook-span.ts';
import type { KitOptions } from '../kit/kit-options.ts';
import type { TraceOptions } from '../kit/trace-options.ts';
import type { RpcHandler, RpcKind, RpcUnderTest } from './rpc-under-test.ts';

/** The abilities that an RPC library, or the way it is under test, may lack. */
export type RpcCapability =
  /** Both sides stream at the same time. */
  | 'bidi'
  /** The application hears of events on a server's stream. */
  | 'listeners'
  /** The client calls callbacks or listeners of the application. */
  | 'clientListeners'
  /** The library repeats a call that failed as `UNAVAILABLE`, below the interceptor. */
  | 'retries'
  /** The server keeps a deadline that it received, in every case. */
  | 'serverDeadline'
  /** The server refuses a message of 5 MB. */
  | 'tooLarge'
  /** A connection can be broken. */
  | 'kill'
  /** The server knows the address of its client. */
  | 'peer'
  /** Metadata may be as large as 6 KB. */
  | 'oversized'
  | 'validation';

/** What hooks and functions among the options get. */
export interface RpcSubject {
  readonly method: string;
}

/** The options of either side that the kit sets. */
export interface RpcTraceOptions extends TraceOptions<RpcSubject> {
  readonly requestHook?: (state: { readonly span: HookSpan; readonly request: RpcSubject }) => void;
  readonly responseHook?: (state: {
    readonly span: HookSpan;
    readonly request: RpcSubject;
    readonly outcome: { readonly statusCode: string | undefined };
  }) => void;
}

/** What is done with the context of a caller. */
export type RpcTrust =
  | 'continue'
  | 'restart'
  | 'ignore'
  | { readonly parent: 'continue' | 'restart' | 'ignore'; readonly baggage?: 'keep' | 'drop' };

/** The options of a server. */
export interface RpcServerTraceOptions extends RpcTraceOptions {
  readonly trust?: RpcTrust | ((call: RpcSubject) => RpcTrust);
}

/** The options of a client. */
export interface RpcClientTraceOptions extends RpcTraceOptions {
  readonly propagateTo?: 'all' | 'none' | readonly (string | RegExp)[];
  readonly baggageTo?: 'all' | 'none' | 'private' | readonly (string | RegExp)[];
  readonly baggageEntries?: readonly string[];
  readonly methods?: readonly string[];
}

/** The options of both sides; `false`: that side has no interceptor. Absent: no options. */
export interface RpcBothTraceOptions {
  readonly server?: RpcServerTraceOptions | false;
  readonly client?: RpcClientTraceOptions | false;
}

/** What a spec file connects. */
export interface RpcSetup extends Required<RpcBothTraceOptions> {
  readonly handler: RpcHandler;
}

/** What the kit needs to know about one library. */
export interface RpcConformanceOptions extends KitOptions<RpcCapability> {
  /** Value of `rpc.system.name`: `grpc`. */
  readonly system: string;
  /** Values of `rpc.method`: `{ unary: 'conformance.Echo/Unary', … }`. */
  readonly methods: Readonly<Record<RpcKind, string>>;
  /** Returns the value of `rpc.status_code` for a status in gRPC's words; `undefined` where there is none. */
  statusCode(status: string): string | undefined;
  /** The status that a server sends when a handler throws an error of its own: `UNKNOWN`. */
  readonly plainErrorStatus: string;
  /** Starts a server with this handler and connects a client, for one case. */
  connect(setup: RpcSetup): RpcUnderTest | Promise<RpcUnderTest>;
}
