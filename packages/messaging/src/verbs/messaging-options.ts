import type { Attributes, MeterProvider, TextMapPropagator, TracerProvider } from '@opentelemetry/api';
import type { TrustPolicy } from '@throughline/core';
import type { OptionRules, Scope } from '@throughline/core/seam';
import { isTrustPolicy, TRUST_FORMS } from '@throughline/core/seam';
import { BAGGAGE_TARGET_RULES, type BaggageTargets } from './baggage-targets.ts';
import type { MessagingOperation } from './message.ts';

/**
 * How the span that processes a message relates to the context that the message carries.
 *
 * - `auto`: continues the message's trace and links to it; inside another span it stays there and only links.
 * - `parent`: continues the message's trace.
 * - `link`: starts a trace of its own, or stays in the active one, and links to the message.
 * - `both`: continues the message's trace and links to it.
 *
 * If the message becomes the parent although a span is active, that span is linked. Batches are always linked.
 */
export type Relation = 'auto' | 'parent' | 'link' | 'both';

/**
 * Options of every messaging client. All are checked at set-up; what functions throw is reported and changes nothing.
 */
export interface MessagingOptions extends BaggageTargets {
  /** Makes the spans. Default: the provider registered with the API, looked up for each operation. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Makes the instruments. Default: the registered one; without any, nothing is measured. */
  readonly meterProvider?: MeterProvider | undefined;
  /**
   * Reads and writes the messages' metadata. Default: the registered one; without any, the W3C fields of a message
   * being processed are passed on as received.
   */
  readonly propagator?: TextMapPropagator | undefined;
  /** For consumers. Default: `auto`. */
  readonly relation?: Relation | undefined;
  /**
   * With `auto`: a message older than this, in milliseconds, is linked and starts a trace of its own. The age is
   * that of the message's own timestamp; one without a timestamp counts as young. Default: no limit.
   */
  readonly maxAge?: number | undefined;
  /**
   * For consumers: how far the context of a message is trusted, with the same words as for HTTP servers. `continue`:
   * as `relation` says. `restart`: a trace of its own, or the active one, with a link to the message. `ignore`: as if
   * the message had carried nothing. Default: `continue`, and with `relation: 'link'` without the message's baggage.
   */
  readonly trust?: TrustPolicy<MessagingOperation> | undefined;
  /**
   * Called once per operation; `true` means that no span or measurement is made. The context is still passed on, into
   * messages that are sent and to handlers of messages that are processed.
   */
  readonly ignore?: ((operation: MessagingOperation) => boolean) | undefined;
  /**
   * The low-cardinality form of a destination with variable parts, which then names spans and metrics:
   * `users.42.mail` becomes `users.{id}.mail`. `undefined` keeps the name.
   */
  readonly destinationTemplate?: ((destination: string) => string | undefined) | undefined;
  /** Returns more attributes for the span. They are set when it starts, so that samplers see them. */
  readonly attributes?: ((operation: MessagingOperation) => Attributes) | undefined;
}

const RELATIONS: ReadonlySet<unknown> = new Set<Relation>(['auto', 'parent', 'link', 'both']);

/** @throws TypeError that names the option and what it got. */
export function checkMessagingOptions(options: MessagingOptions, scope: Scope, more: OptionRules = {}): void {
  scope.check(options, {
    tracerProvider: 'tracerProvider',
    meterProvider: 'meterProvider',
    propagator: 'propagator',
    relation: [(value) => RELATIONS.has(value), "'auto', 'parent', 'link' or 'both'"],
    maxAge: [(value) => typeof value === 'number' && value >= 0, 'a number of milliseconds'],
    trust: [isTrustPolicy, TRUST_FORMS],
    ...BAGGAGE_TARGET_RULES,
    ignore: 'function',
    destinationTemplate: 'function',
    attributes: 'function',
    ...more,
  });
}
