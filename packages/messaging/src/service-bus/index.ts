/**
 * Traces `@azure/service-bus`.
 *
 * @module
 */
export type { MessagingOptions, Relation } from '../verbs/messaging-options.ts';
export type { ServiceBusMessage } from './service-bus-message.ts';
export { type ServiceBusReceiver, traceHandler, traceReceiver } from './service-bus-receiver.ts';
export { type ServiceBusSender, traceSender } from './service-bus-sender.ts';
