/**
 * Traces `@google-cloud/pubsub`.
 *
 * @module
 */
export type { MessagingOptions, Relation } from '../verbs/messaging-options.ts';
export type { PubSubMessage } from './pubsub-tracer.ts';
export {
  type PubSubEvent,
  type PubSubPush,
  type PubSubSubscription,
  traceHandler,
  tracePushHandler,
  traceSubscription,
} from './trace-subscription.ts';
export { type PubSubTopic, traceTopic } from './trace-topic.ts';
