/**
 * Operations on messages, for authors who connect a messaging client to Throughline.
 *
 * @module
 */
export type { BaggageTarget, BaggageTargets } from './verbs/baggage-targets.ts';
export {
  type CarrierCodec,
  headersCodec,
  type MessageHeaders,
  type PropagationFields,
} from './verbs/carrier-codec.ts';
export type { ConsumerVerbs, Delivery, Processing } from './verbs/consuming.ts';
export type {
  Message,
  MessageBatch,
  MessageConnection,
  MessagingOperation,
  MessagingOperationType,
  MessagingTarget,
} from './verbs/message.ts';
export type { MessagingSystem } from './verbs/messaging-groundwork.ts';
export type { MessagingOptions, Relation } from './verbs/messaging-options.ts';
export { createMessagingTracer, type MessagingTracer } from './verbs/messaging-tracer.ts';
export type { ProducerVerbs, Sending } from './verbs/sending.ts';
