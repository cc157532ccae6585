import type { OptionRules } from '@throughline/core/seam';
import { Scope } from '@throughline/core/seam';
import { type ConsumerVerbs, consumingVerbs } from './consuming.ts';
import { createGroundwork, type MessagingSystem } from './messaging-groundwork.ts';
import { checkMessagingOptions, type MessagingOptions } from './messaging-options.ts';
import { type ProducerVerbs, sendingVerbs } from './sending.ts';

/**
 * The operations on messages, each one span and its measurements around a function of the client or the user.
 *
 * Every verb runs its function exactly once, and returns or throws what that does. If it returns a promise, the span
 * ends when that settles. Tracing itself never throws.
 */
export interface MessagingTracer<C> extends ProducerVerbs<C>, ConsumerVerbs<C> {}

/**
 * Returns a tracer for the messages of one client. Call it once, when the client is wrapped.
 *
 * @param scope Names the client module, in error messages and as instrumentation scope.
 * @param moreOptions Rules for the options that only this client has.
 * @throws TypeError when an option has the wrong type. Never throws after set-up.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 * @example
 * const tracer = createMessagingTracer({ system: 'rabbitmq', codec: headersCodec });
 * tracer.send({ destination: 'orders', carrier: { tenant: 'a' } }, (headers) => broker.publish('orders', body, headers));
 * tracer.process({ destination: 'orders', carrier: message.headers }, () => handle(message));
 */
export function createMessagingTracer<C>(
  system: MessagingSystem<C>,
  options: MessagingOptions = {},
  scope: Scope = new Scope('messaging', 'createMessagingTracer()'),
  moreOptions?: OptionRules,
): MessagingTracer<C> {
  checkMessagingOptions(options, scope, moreOptions);
  const groundwork = createGroundwork(system, options, scope);
  return { ...sendingVerbs(groundwork), ...consumingVerbs(groundwork) };
}
