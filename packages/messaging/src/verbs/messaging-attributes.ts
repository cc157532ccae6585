import type { Attributes } from '@opentelemetry/api';
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
  const { type } = operation;
  return defined({
    [semconv.ATTR_MESSAGING_SYSTEM]: operation.system,
    [semconv.ATTR_MESSAGING_OPERATION_NAME]: operation.operationName ?? type,
    [semconv.ATTR_MESSAGING_OPERATION_TYPE]: type,
    [semconv.ATTR_MESSAGING_DESTINATION_NAME]: operation.destination,
    [semconv.ATTR_MESSAGING_DESTINATION_TEMPLATE]: operation.destinationTemplate,
    [semconv.ATTR_MESSAGING_DESTINATION_ANONYMOUS]: operation.anonymous || undefined,
    [semconv.ATTR_MESSAGING_DESTINATION_TEMPORARY]: operation.temporary || undefined,
    [semconv.ATTR_MESSAGING_DESTINATION_PARTITION_ID]: operation.partitionId,
    [semconv.ATTR_MESSAGING_DESTINATION_SUBSCRIPTION_NAME]: operation.subscription,
    [semconv.ATTR_MESSAGING_CONSUMER_GROUP_NAME]: operation.consumerGroup,
    [semconv.ATTR_MESSAGING_CLIENT_ID]: operation.clientId,
    [semconv.ATTR_MESSAGING_MESSAGE_ID]: operation.messageId,
    [semconv.ATTR_MESSAGING_MESSAGE_CONVERSATION_ID]: operation.conversationId,
    [semconv.ATTR_SERVER_ADDRESS]: operation.serverAddress,
    [semconv.ATTR_SERVER_PORT]: operation.serverPort,
    ...operation.attributes,
  });
}

/** Returns the attributes of a measurement: the bounded ones. */
export function messagingMetricAttributes(
  operation: MessagingOperation,
  error: string | undefined,
): Attributes {
  const names = operation.type !== 'create' && operation.type !== 'send' && operation.crowded !== true;
  return defined({
    [semconv.ATTR_MESSAGING_SYSTEM]: operation.system,
    [semconv.ATTR_MESSAGING_OPERATION_NAME]: operation.operationName ?? operation.type,
    [semconv.ATTR_MESSAGING_DESTINATION_NAME]: lastingDestination(operation),
    [semconv.ATTR_MESSAGING_DESTINATION_TEMPLATE]: operation.crowded
      ? undefined
      : operation.destinationTemplate,
    [semconv.ATTR_MESSAGING_DESTINATION_PARTITION_ID]: operation.crowded ? undefined : operation.partitionId,
    [semconv.ATTR_MESSAGING_DESTINATION_SUBSCRIPTION_NAME]: names ? operation.subscription : undefined,
    [semconv.ATTR_MESSAGING_CONSUMER_GROUP_NAME]: names ? operation.consumerGroup : undefined,
    [semconv.ATTR_SERVER_ADDRESS]: operation.serverAddress,
    [semconv.ATTR_SERVER_PORT]: operation.serverPort,
    [semconv.ATTR_ERROR_TYPE]: error,
  });
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

/** Returns a copy, because objects are slow to read once a property was deleted from them. */
function defined(attributes: Attributes): Attributes {
  const found: Attributes = {};
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) found[name] = value;
  }
  return found;
}
