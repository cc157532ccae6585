/**
 * Operations on messages, for whoever joins a messaging client to Throughline.
 *
 * @module
 */
export type { BaggageTarget, BaggageTargets } from './baggage-targets.ts';
export {
  type CarrierCodec,
  headersCodec,
  type MessageHeaders,
  type PropagationFields,
} from './carrier-codec.ts';
export type { ConsumerVerbs, Delivery, Processing } from './consuming.ts';
export type {
  Message,
  MessageBatch,
  MessagingOperation,
  MessagingOperationType,
  MessagingTarget,
} from './message.ts';
export type { MessagingSystem } from './messaging-groundwork.ts';
export type { MessagingOptions, Relation } from './messaging-options.ts';
export { createMessagingTracer, type MessagingTracer } from './messaging-tracer.ts';
export type { ProducerVerbs, Sending } from './sending.ts';
