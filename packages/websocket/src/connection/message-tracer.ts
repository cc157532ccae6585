import type {
  Attributes,
  MeterProvider,
  TextMapPropagator,
  Tracer,
  TracerProvider,
} from '@opentelemetry/api';
import type { TrustPolicy } from '@throughline/core';
import { Scope } from '@throughline/core/seam';
import {
  createMessagingTracer,
  headersCodec,
  type MessageHeaders,
  type MessagingOperation,
  type MessagingTracer,
  type Relation,
} from '@throughline/messaging';

/** How the messages of a socket are traced. Functions are guarded: what they throw is reported and changes nothing. */
export interface MessageOptions {
  /**
   * Whether each message that is sent, and each that a listener handles, gets a span. Without, its context is still carried,
   * and active in the listener. Default: `true`.
   */
  readonly spans?: boolean | undefined;
  /**
   * How the span of a handled message relates to the context that it carries; see `@throughline/messaging`. With `parent` and
   * `both`, messages without a context belong to the trace of the handshake. Default: `auto`; without a context, a message
   * starts a trace that links to the handshake.
   */
  readonly relation?: Relation | undefined;
  /**
   * Called once per operation; `true` means that no span or measurement is made. The context is still passed on. Default: no
   * message is ignored.
   */
  readonly ignore?: ((operation: MessagingOperation) => boolean) | undefined;
  /** Returns the low-cardinality form of a destination: `/rooms/42` becomes `/rooms/{id}`. Default: the destination. */
  readonly destinationTemplate?: ((destination: string) => string | undefined) | undefined;
  /** Returns more attributes for the span. They are set when it starts. Default: there are no more. */
  readonly attributes?: ((operation: MessagingOperation) => Attributes) | undefined;
}

/** What the messages of a socket share with its handshake. */
export interface SharedParts {
  readonly tracerProvider?: TracerProvider | undefined;
  readonly meterProvider?: MeterProvider | undefined;
  readonly propagator?: TextMapPropagator | undefined;
  readonly trust?: TrustPolicy<MessagingOperation> | undefined;
}

/** Traces the messages of all connections of one server or client. */
export interface MessageTracer {
  readonly verbs: MessagingTracer<MessageHeaders>;
  /** Whether messages without a context of their own belong to the trace of the handshake. */
  readonly staysInTrace: boolean;
}

/** Makes no spans. */
class SpanlessScope extends Scope {
  override tracer(): () => Tracer | undefined {
    return () => undefined;
  }
}

/**
 * Returns a tracer for the messages of sockets.
 *
 * @param system Value of `messaging.system.name`: `websocket`.
 * @throws TypeError when an option has the wrong type.
 */
export function createMessageTracer(
  system: string,
  messages: MessageOptions,
  { tracerProvider, meterProvider, propagator, trust }: SharedParts,
  { package: name, entry }: Scope,
): MessageTracer {
  const { spans = true, ...options } = messages;
  const scope = new (spans === false ? SpanlessScope : Scope)(name, `${entry} messages`);
  const verbs = createMessagingTracer(
    { system, codec: headersCodec },
    { ...options, tracerProvider, meterProvider, propagator, trust },
    scope,
  );
  if (typeof spans !== 'boolean') throw scope.error('options.spans must be a boolean');
  return { verbs, staysInTrace: options.relation === 'parent' || options.relation === 'both' };
}
