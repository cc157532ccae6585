/**
 * Operations on messages, for whoever joins a messaging client to Throughline.
 *
 * @module
 */
export {
  type CarrierCodec,
  headersCodec,
  type MessageHeaders,
  type PropagationFields,
} from './carrier-codec.ts';
export type {
  Message,
  MessageBatch,
  MessagingOperation,
  MessagingOperationType,
  MessagingTarget,
} from './message.ts';
export type { MessagingOptions, Relation } from './messaging-options.ts';
export {
  createMessagingTracer,
  type Delivery,
  type MessagingSystem,
  type MessagingTracer,
  type Processing,
  type Sending,
} from './messaging-tracer.ts';
