import type { Attributes } from '@opentelemetry/api';
import { redaction } from '@throughline/core/seam';
import type { Message, MessagingOperation, MessagingOperationType, MessagingTarget } from './message.ts';

const PORT = /^\d{1,5}$/;

/** An operation whose description can still be completed. */
export type Described = { -readonly [Name in keyof MessagingOperation]: MessagingOperation[Name] };

/**
 * Returns what an operation does, cleaned: texts are texts and the port is a number, empty and unreadable ones are
 * `undefined`, and credentials in addresses (a queue's URL may hold some) are redacted. Attributes without a value are left
 * out.
 *
 * Brokers and clients of other languages send ids as numbers and bytes, and one attribute must not have several types.
 *
 * @param destinationTemplate Instead of the target's own.
 * @param attributes Likewise.
 */
export function described(
  system: string,
  type: MessagingOperationType,
  target: MessagingTarget & Partial<Message<unknown>>,
  destinationTemplate: unknown,
  attributes: Attributes | undefined,
): Described {
  // One literal, so that all operations have one shape.
  return {
    system,
    type,
    operationName: textOf(target.operationName),
    destination: addressOf(target.destination),
    destinationTemplate: addressOf(destinationTemplate),
    anonymous: target.anonymous,
    temporary: target.temporary,
    partitionId: textOf(target.partitionId),
    subscription: textOf(target.subscription),
    consumerGroup: textOf(target.consumerGroup),
    clientId: textOf(target.clientId),
    serverAddress: addressOf(target.serverAddress),
    serverPort: portOf(target.serverPort),
    messageId: textOf(target.messageId),
    conversationId: textOf(target.conversationId),
    carrier: target.carrier,
    connection: target.connection,
    attributes: attributes && cleaned(attributes),
    crowded: undefined,
  };
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  if (value instanceof Uint8Array)
    return Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined;
}

function addressOf(value: unknown): string | undefined {
  const text = textOf(value);
  return text === undefined ? undefined : redaction.word(text);
}

function portOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && PORT.test(value) ? Number(value) : undefined;
}

function cleaned(attributes: Attributes): Attributes {
  for (const name in attributes) {
    const value = attributes[name];
    if (value === undefined || (typeof value === 'string' && redaction.word(value) !== value))
      return cleanedCopy(attributes);
  }
  return attributes;
}

function cleanedCopy(attributes: Attributes): Attributes {
  const found: Attributes = {};
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) found[name] = typeof value === 'string' ? redaction.word(value) : value;
  }
  return found;
}
