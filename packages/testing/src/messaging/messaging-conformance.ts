import type { Attributes, MeterProvider, TextMapPropagator, TracerProvider } from '@opentelemetry/api';
import {
  bindCases,
  type Capabilities,
  type ConformanceCase,
  type ConformanceRunner,
  lackOf,
  registerCases,
} from '../kit/conformance-case.ts';
import type { ConformanceSdk } from '../kit/conformance-sdk.ts';
import { aFunction, anObject, aText, checkKitOptions, KIT_RULES, type KitRules } from '../kit/kit-options.ts';
import { batchCases } from './cases/batches.ts';
import { handlerCases } from './cases/handlers.ts';
import { metadataCases } from './cases/metadata.ts';
import { messagingMetricCases } from './cases/metrics.ts';
import { messagingNoSdkCases } from './cases/no-sdk.ts';
import { messagingOptionCases } from './cases/options.ts';
import { messagePropagationCases } from './cases/propagation.ts';
import { relationCases } from './cases/relation.ts';
import { messagingSpanCases } from './cases/spans.ts';
import { type MessagingCase, runMessagingCase } from './messaging-stage.ts';

/** The abilities that a messaging client, or the way it is under test, may lack. */
export type MessagingCapability =
  /** Sends several messages in one call, traced one by one. */
  | 'sendBatch'
  /** Hands several messages over at once. */
  | 'consumeBatch'
  /** Settles messages by calls that are traced. */
  | 'settle'
  /** The test can make the next send fail. */
  | 'failSend'
  /** The test sees what the client gets back from the handler, so a handler may fail in it. */
  | 'outcome'
  /** Messages hold a timestamp that the consumer reads, and the test can plant it. */
  | 'timestamps'
  /** Metadata can hold a name twice, or a list of values. */
  | 'duplicates'
  /** Metadata names keep their letter case. */
  | 'letterCase'
  /** Metadata may be as large as 16 KiB. */
  | 'oversized'
  | 'metrics'
  | 'validation';

/** What becomes of the context that a message brings. */
export type MessagingTrust =
  | 'continue'
  | 'restart'
  | 'ignore'
  | { readonly parent: 'continue' | 'restart' | 'ignore'; readonly baggage?: 'keep' | 'drop' };

/** Options of the client as the kit sets them; a client with other names maps them in its spec file. */
export interface MessagingTraceOptions {
  readonly tracerProvider?: TracerProvider;
  readonly meterProvider?: MeterProvider;
  readonly propagator?: TextMapPropagator;
  readonly relation?: 'auto' | 'parent' | 'link' | 'both';
  /** Milliseconds. */
  readonly maxAge?: number;
  readonly trust?: MessagingTrust | ((operation: { readonly type: string }) => MessagingTrust);
  readonly baggageTo?: 'all' | 'none' | 'private' | readonly (string | RegExp)[];
  readonly baggageEntries?: readonly string[];
  readonly ignore?: (operation: { readonly type: string }) => boolean;
  readonly destinationTemplate?: (destination: string) => string | undefined;
  readonly attributes?: (operation: { readonly type: string }) => Attributes;
}

/** A message as a case wants it sent or planted. */
export interface MessageToSend {
  readonly body: string;
  /** In the client's own form where that takes lists; each value is text. */
  readonly metadata?: Readonly<Record<string, string | readonly string[]>>;
  /** When it was sent, in milliseconds since 1970; for planted messages only. */
  readonly timestamp?: number;
}

/** A message as it was on the wire. */
export interface MessageOnWire {
  readonly body: string;
  /** All values of each name, names as they were sent. */
  readonly metadata: Readonly<Record<string, readonly string[]>>;
}

/** A message as a handler gets it. */
export interface MessageToHandle {
  readonly body: string;
  /** Settles it through the client under test. */
  settle?(): unknown;
}

/** What the client got back from the function that it calls for a message. */
export type HandlerOutcome = { readonly value: unknown } | { readonly error: unknown };

/** A client that a spec file made for one case, with a destination of its own. */
export interface MessagingClientUnderTest {
  /**
   * Sends one message and resolves when the client says that it was sent; rejects with what the client threw.
   *
   * `passed` is called with the objects that go to the client, just before they go: they must come out unchanged.
   */
  send(message: MessageToSend, passed?: (objects: unknown) => void): Promise<unknown>;
  /** Sends several messages in one call of the client. */
  sendBatch?(messages: readonly MessageToSend[]): Promise<unknown>;
  /**
   * Starts to consume one by one; the handler is called by the client from then on. Resolves when it is set up.
   *
   * `outcome` is told what the client gets back for each message, a promise already awaited.
   */
  consume(
    handler: (message: MessageToHandle) => unknown,
    outcome?: (outcome: HandlerOutcome) => void,
  ): Promise<unknown>;
  /**
   * Starts to consume in batches. `process` is how an application has one message of the batch traced, with the
   * client's own means; it returns what `handler` returns.
   */
  consumeBatch?(
    handler: (
      messages: readonly MessageToHandle[],
      process: (message: MessageToHandle, handler: () => unknown) => unknown,
    ) => unknown,
  ): Promise<unknown>;
  /** Puts messages into the destination by other means than the client under test; together where it has batches. */
  plant(messages: readonly MessageToSend[]): Promise<unknown>;
  /** Takes the next message that the client sent, by other means than the client under test. */
  take(): Promise<MessageOnWire>;
  /** Makes the next send of the client underneath fail with this error. */
  failNextSend?(error: Error): void;
  /** Frees its connections. */
  close?(): unknown;
}

/** What the spans of a client are to be called, after the conventions and the system's own words. */
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

/** Everything that the kit needs to know about one client. */
export interface MessagingConformanceOptions {
  /** Title of the report: `amqplib 2`. */
  readonly name: string;
  readonly sdk: ConformanceSdk;
  /** Value of `messaging.system`: `rabbitmq`. */
  readonly system: string;
  readonly names: MessagingSpanNames;
  /** Makes the client for one case, with these options. */
  connect(traceOptions: MessagingTraceOptions): MessagingClientUnderTest | Promise<MessagingClientUnderTest>;
  /** Milliseconds that a case waits for what has to happen, before it fails. @default 2000 */
  readonly deadline?: number;
  /** @default every ability present */
  readonly capabilities?: Capabilities<MessagingCapability>;
}

const GROUPS: Readonly<Record<string, readonly MessagingCase[]>> = {
  propagation: messagePropagationCases,
  'parent or link': relationCases,
  metadata: metadataCases,
  handlers: handlerCases,
  spans: messagingSpanCases,
  batches: batchCases,
  metrics: messagingMetricCases,
  options: messagingOptionCases,
  'no SDK': messagingNoSdkCases,
};

const RULES: KitRules = {
  ...KIT_RULES,
  system: aText,
  names: anObject,
  connect: aFunction,
};

/**
 * Lists the messaging cases, each with its own `run()`, for runners that are not `describe`/`it`.
 *
 * @example
 * for (const one of messagingConformanceCases(options)) if (!one.skip) await one.run();
 */
export function messagingConformanceCases(options: MessagingConformanceOptions): ConformanceCase[] {
  checkKitOptions('messagingConformanceCases()', options, RULES, GROUPS);
  return bindCases(
    GROUPS,
    (one) => runMessagingCase(one, options),
    (need) => lackOf(options.capabilities, need),
  );
}

/**
 * Registers the messaging cases with a test runner.
 *
 * @example
 * import { describe, it } from 'node:test';
 * defineMessagingConformance({ describe, it }, { name: 'my client', system, names, sdk, connect });
 */
export function defineMessagingConformance(
  runner: ConformanceRunner,
  options: MessagingConformanceOptions,
): void {
  registerCases(
    runner,
    `${options.name}, messaging, ${options.sdk.name}`,
    messagingConformanceCases(options),
  );
}
