/**
 * Traces `@google-cloud/pubsub`.
 *
 * @module
 */
export type { MessagingOptions, Relation } from '../verbs/messaging-options.ts';
export type { PubSubMessage } from './pubsub-message.ts';
export {
  type PubSubEvent,
  type PubSubPush,
  type PubSubSubscription,
  traceHandler,
  tracePushHandler,
  traceSubscription,
} from './pubsub-subscription.ts';
export { type PubSubTopic, traceTopic } from './pubsub-topic.ts';
