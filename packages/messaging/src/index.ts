/**
 * The types that all client modules share. What traces a client is in its own subpath, `@throughline/messaging/amqplib`.
 *
 * @module
 */
export type {
  MessagingOperation,
  MessagingOperationType,
  MessagingOptions,
  Relation,
} from '@throughline/core/messaging';
