import type { KitOptions } from '../kit/kit-options.ts';
import type { TraceOptions } from '../kit/trace-options.ts';
import type { MessagingClientUnderTest } from './messaging-client-under-test.ts';

/** The abilities that a messaging client, or the way it is under test, may lack. */
export type MessagingCapability =
  /** Sends several messages in one call, each with its own span. */
  | 'sendBatch'
  /** Delivers several messages at once. */
  | 'consumeBatch'
  /** Settles messages by calls that are traced. */
  | 'settle'
  /** The test can make the next send fail. */
  | 'failSend'
  /** The test sees what the handler returns to the client or throws. */
  | 'outcome'
  /** Messages have a timestamp that the consumer reads and that the test can plant. */
  | 'timestamps'
  /** Metadata can hold a name twice, or a list of values. */
  | 'duplicates'
  /** Metadata names keep their letter case. */
  | 'letterCase'
  /** Metadata may be as large as 16 KiB. */
  | 'oversized'
  /** Sends by a method of an object that is wrapped. */
  | 'wrapped'
  /** The wrapped object hands itself or another client back: as a result, by promise, to a callback. */
  | 'handsBack'
  | 'metrics'
  | 'validation';

/** What is done with the context of a message. */
export type MessagingTrust =
  | 'continue'
  | 'restart'
  | 'ignore'
  | { readonly parent: 'continue' | 'restart' | 'ignore'; readonly baggage?: 'keep' | 'drop' };

/** Options of the client as the kit sets them; a client with other names maps them in its spec file. */
export interface MessagingTraceOptions extends TraceOptions<{ readonly type: string }> {
  readonly relation?: 'auto' | 'parent' | 'link' | 'both';
  /** In milliseconds. */
  readonly maxAge?: number;
  readonly trust?: MessagingTrust | ((operation: { readonly type: string }) => MessagingTrust);
  readonly baggageTo?: 'all' | 'none' | 'private' | readonly (string | RegExp)[];
  readonly baggageEntries?: readonly string[];
  readonly destinationTemplate?: (destination: string) => string | undefined;
}

/** The names of a client's spans, by the conventions and in the system's own words. */
export interface MessagingSpanNames {
  /** `publish orders` */
  readonly send: string;
  /** `process orders` */
  readonly process: string;
  /** `create orders`; needed with `sendBatch`. */
  readonly create?: string;
  /** `receive orders`; needed with `consumeBatch`. */
  readonly receive?: string;
  /** `ack orders`; needed with `settle`. */
  readonly settle?: string;
}

/** What the kit needs to know about one client. */
export interface MessagingConformanceOptions extends KitOptions<MessagingCapability> {
  /** Value of `messaging.system.name`: `rabbitmq`. */
  readonly system: string;
  readonly names: MessagingSpanNames;
  /** Returns the client for one case, with these options. */
  connect(traceOptions: MessagingTraceOptions): MessagingClientUnderTest | Promise<MessagingClientUnderTest>;
}
