import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { semconv } from '@throughline/core/seam';
import type { MessagingOperation } from './message.ts';

/**
 * Returns `{operation} {destination}`, without destinations of unbounded variety.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/#span-name
 */
export function messagingSpanName(operation: MessagingOperation): string {
  const { type, operationName = type } = operation;
  const template = operation.crowded ? undefined : operation.destinationTemplate;
  const destination = template ?? lastingDestination(operation) ?? server(operation);
  return destination === undefined ? operationName : `${operationName} ${destination}`;
}

/** Returns the attributes that are known when a span starts. */
export function messagingAttributes(operation: MessagingOperation): Attributes {
  const { type, attributes: more } = operation;
  const attributes: Attributes = {
    [semconv.ATTR_MESSAGING_SYSTEM_NAME]: operation.system,
    [semconv.ATTR_MESSAGING_OPERATION_NAME]: operation.operationName ?? type,
    [semconv.ATTR_MESSAGING_OPERATION_TYPE]: type,
  };
  add(attributes, semconv.ATTR_MESSAGING_DESTINATION_NAME, operation.destination);
  add(attributes, semconv.ATTR_MESSAGING_DESTINATION_TEMPLATE, operation.destinationTemplate);
  add(attributes, semconv.ATTR_MESSAGING_DESTINATION_ANONYMOUS, operation.anonymous || undefined);
  add(attributes, semconv.ATTR_MESSAGING_DESTINATION_TEMPORARY, operation.temporary || undefined);
  add(attributes, semconv.ATTR_MESSAGING_DESTINATION_PARTITION_ID, operation.partitionId);
  add(attributes, semconv.ATTR_MESSAGING_DESTINATION_SUBSCRIPTION_NAME, operation.subscription);
  add(attributes, semconv.ATTR_MESSAGING_CONSUMER_GROUP_NAME, operation.consumerGroup);
  add(attributes, semconv.ATTR_MESSAGING_CLIENT_ID, operation.clientId);
  add(attributes, semconv.ATTR_MESSAGING_MESSAGE_ID, operation.messageId);
  add(attributes, semconv.ATTR_MESSAGING_MESSAGE_CONVERSATION_ID, operation.conversationId);
  add(attributes, semconv.ATTR_SERVER_ADDRESS, operation.serverAddress);
  add(attributes, semconv.ATTR_SERVER_PORT, operation.serverPort);
  for (const name in more) attributes[name] = more[name];
  return attributes;
}

/** Returns the attributes of a measurement: the bounded ones. */
export function messagingMetricAttributes(
  operation: MessagingOperation,
  error: string | undefined,
): Attributes {
  const { type, crowded } = operation;
  const attributes: Attributes = {
    [semconv.ATTR_MESSAGING_SYSTEM_NAME]: operation.system,
    [semconv.ATTR_MESSAGING_OPERATION_NAME]: operation.operationName ?? type,
  };
  add(attributes, semconv.ATTR_MESSAGING_DESTINATION_NAME, lastingDestination(operation));
  if (crowded !== true) {
    add(attributes, semconv.ATTR_MESSAGING_DESTINATION_TEMPLATE, operation.destinationTemplate);
    add(attributes, semconv.ATTR_MESSAGING_DESTINATION_PARTITION_ID, operation.partitionId);
    if (type !== 'create' && type !== 'send') {
      add(attributes, semconv.ATTR_MESSAGING_DESTINATION_SUBSCRIPTION_NAME, operation.subscription);
      add(attributes, semconv.ATTR_MESSAGING_CONSUMER_GROUP_NAME, operation.consumerGroup);
    }
  }
  add(attributes, semconv.ATTR_SERVER_ADDRESS, operation.serverAddress);
  add(attributes, semconv.ATTR_SERVER_PORT, operation.serverPort);
  add(attributes, semconv.ATTR_ERROR_TYPE, error);
  return attributes;
}

/** Leaves out what is unknown. */
function add(attributes: Attributes, name: string, value: AttributeValue | undefined): void {
  if (value !== undefined) attributes[name] = value;
}

function lastingDestination(operation: MessagingOperation): string | undefined {
  const { destination, destinationTemplate, anonymous, temporary, crowded } = operation;
  const bounded =
    destinationTemplate === undefined && anonymous !== true && temporary !== true && crowded !== true;
  return bounded ? destination : undefined;
}

/** Returns the server, which stands for the destination of operations that have none. */
function server({ destination, serverAddress, serverPort }: MessagingOperation): string | undefined {
  if (destination !== undefined || serverAddress === undefined) return undefined;
  return serverPort === undefined ? serverAddress : `${serverAddress}:${serverPort}`;
}
