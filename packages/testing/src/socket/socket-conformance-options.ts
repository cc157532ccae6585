import type { HookSpan } from '../kit/hook-span.ts';
import type { KitOptions } from '../kit/kit-options.ts';
import type { TraceOptions } from '../kit/trace-options.ts';
import type { SocketListeners, SocketsUnderTest } from './sockets-under-test.ts';

/** The abilities that a library of sockets, or the way it is under test, may lack. */
export type SocketCapability =
  /** The test can have the server refuse a handshake. */
  | 'refuse'
  /** A client without tracing can send a header twice. */
  | 'repeatedHeaders'
  /** The handshake of the client gets a CLIENT span. */
  | 'clientSpan'
  /** The test sees a message of the server as it was on the wire. */
  | 'raw'
  /** The test can write the context of a message as JSON text. */
  | 'rawFields'
  | 'validation';

/** How messages are traced, as the kit sets it. */
export interface SocketMessageOptions {
  readonly spans?: boolean;
  readonly relation?: 'auto' | 'parent' | 'link' | 'both';
  readonly ignore?: (operation: { readonly type: string }) => boolean;
}

/** Options of a traced server. */
export interface SocketServerTraceOptions extends TraceOptions<unknown> {
  readonly trust?: 'continue' | 'restart' | 'ignore';
  readonly contextFromQuery?: boolean;
  readonly propagateTo?: 'all' | 'none';
  readonly baggageTo?: 'all' | 'none';
  readonly requestHook?: (state: { readonly span: HookSpan }) => void;
  readonly responseHook?: (state: { readonly span: HookSpan }) => void;
  readonly messages?: SocketMessageOptions;
}

/** Options of a traced client. */
export interface SocketClientTraceOptions extends TraceOptions<unknown> {
  readonly propagateTo?: 'all' | 'none';
  readonly baggageTo?: 'all' | 'none';
  readonly messages?: SocketMessageOptions;
}

/** Options of both sides, and whether messages carry a context. */
export interface SocketTraceOptions {
  readonly server?: SocketServerTraceOptions;
  readonly client?: SocketClientTraceOptions;
  /** @default true */
  readonly carries?: boolean;
}

/** What the kit needs to know about one library of sockets. */
export interface SocketConformanceOptions extends KitOptions<SocketCapability> {
  /** Value of `messaging.system.name`: `websocket`. */
  readonly system: string;
  /** The status of a handshake that succeeds. */
  readonly status: number;
  /** Returns a server that listens, and a way to reach it. */
  open(
    traceOptions: SocketTraceOptions,
    listeners: SocketListeners,
  ): SocketsUnderTest | Promise<SocketsUnderTest>;
}
