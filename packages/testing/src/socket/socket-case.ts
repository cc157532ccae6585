import type { SpanContext } from '@opentelemetry/api';
import type { RecordedSpan } from '../kit/recorded-span.ts';
import type { CaseWorld, StagedCase } from '../kit/staged-case.ts';
import type {
  SocketCapability,
  SocketConformanceOptions,
  SocketTraceOptions,
} from './socket-conformance-options.ts';
import type { SocketListeners, SocketSide, SocketsUnderTest } from './sockets-under-test.ts';

/** One sentence of the specification of sockets before it is bound to a library. */
export type SocketCase = StagedCase<SocketWorld, SocketCapability, SocketTraceOptions>;

/** What a listener saw. */
export interface Seen {
  /** Of a message; of the other events, their name. */
  readonly body: string;
  readonly side: SocketSide | undefined;
  /** Active when the listener was called. */
  readonly first: SpanContext | undefined;
  /** Active after promises and timers. */
  readonly last: SpanContext | undefined;
  /** `tenant` of the active baggage, after promises and timers. */
  readonly tenant: string | undefined;
}

/** What the cases of sockets work with. */
export interface SocketWorld extends CaseWorld {
  readonly options: SocketConformanceOptions;
  readonly sockets: SocketsUnderTest;
  /** What the listeners do beside noting what they see. Cases replace them. */
  readonly listeners: Partial<SocketListeners>;
  /** Returns what the server's listener for an event saw next. */
  seen(event: 'connected' | 'served' | 'closed'): Promise<Seen>;
  /** Returns what the client's listener for messages saw next. */
  answer(): Promise<Seen>;
  /** Takes the SERVER span of a handshake. */
  handshake(): Promise<RecordedSpan>;
  /** Takes the span of a message: `send`, `process`. */
  message(type: 'send' | 'process'): Promise<RecordedSpan>;
  /** Takes a CLIENT span of a handshake, where the library has such. */
  clientHandshake(): Promise<RecordedSpan | undefined>;
}
