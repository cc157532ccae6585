import type { SpanContext } from '@opentelemetry/api';
import type { RecordedSpan } from '../kit/recorded-span.ts';
import type { CaseWorld, StagedCase } from '../kit/staged-case.ts';
import type {
  MessageOnWire,
  MessageToHandle,
  MessageToSend,
  MessagingClientUnderTest,
} from './messaging-client-under-test.ts';
import type {
  MessagingCapability,
  MessagingConformanceOptions,
  MessagingTraceOptions,
} from './messaging-conformance-options.ts';

/** One sentence of the messaging specification before it is bound to a client. */
export type MessagingCase = StagedCase<MessagingWorld, MessagingCapability, MessagingTraceOptions>;

/** What a handler saw of its message and its context. */
export interface Handled {
  readonly body: string;
  /** Active when the handler was called. */
  readonly first: SpanContext | undefined;
  /** Active after promises and timers. */
  readonly last: SpanContext | undefined;
  /** `tenant` of the active baggage, after promises and timers. */
  readonly tenant: string | undefined;
}

/** What a messaging case uses. */
export interface MessagingWorld extends CaseWorld {
  readonly options: MessagingConformanceOptions;
  readonly client: MessagingClientUnderTest;
  /** Makes another client, closed with the case. */
  connect(traceOptions: MessagingTraceOptions): Promise<MessagingClientUnderTest>;
  /** Sends one message. */
  send(body: string, metadata?: MessageToSend['metadata']): Promise<unknown>;
  /** Takes the next message from the wire. */
  take(): Promise<MessageOnWire>;
  /** Starts to consume with a handler that records what it sees. */
  consume(): Promise<void>;
  /** Returns what the recording handler saw of the next message that it finished. */
  handled(): Promise<Handled>;
  /** The recording handler itself, for other ways to consume. */
  note(message: MessageToHandle): Promise<string>;
  /** Takes the next ended span of an operation: `send`, `process`. */
  span(type: string): Promise<RecordedSpan>;
}
