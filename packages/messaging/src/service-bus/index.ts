/**
 * Traces `@azure/service-bus`.
 *
 * @module
 */
export type { MessagingOptions, Relation } from '../verbs/messaging-options.ts';
export type { ServiceBusMessage } from './service-bus-tracer.ts';
export { type ServiceBusReceiver, traceHandler, traceReceiver } from './trace-receiver.ts';
export { type ServiceBusSender, traceSender } from './trace-sender.ts';
