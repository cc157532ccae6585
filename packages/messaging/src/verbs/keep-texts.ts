import type { Attributes } from '@opentelemetry/api';
import { redaction } from '@throughline/core/seam';
import type { MessagingTarget } from './message.ts';

const TEXTS = [
  'operationName',
  'destination',
  'destinationTemplate',
  'partitionId',
  'subscription',
  'consumerGroup',
  'clientId',
  'serverAddress',
  'messageId',
  'conversationId',
] as const;

const ADDRESSES = ['destination', 'destinationTemplate', 'serverAddress'] as const;
const PORT = /^\d{1,5}$/;

type Texts = { -readonly [Name in (typeof TEXTS)[number]]?: unknown };

/**
 * Makes the texts of a target texts, and its port a number, in place: brokers and clients of other languages send ids as
 * numbers and bytes, which an attribute that is text elsewhere must not take over. What is none in any form becomes
 * `undefined`.
 *
 * Addresses may hold credentials, as a queue's URL does; these are redacted.
 */
export function keepTexts<T extends MessagingTarget>(target: T): T {
  const texts = target as Texts;
  for (const name of TEXTS) {
    const value = texts[name];
    if (value !== undefined && typeof value !== 'string') texts[name] = asText(value);
  }
  for (const name of ADDRESSES) {
    const value = texts[name];
    if (typeof value === 'string') texts[name] = redaction.word(value);
  }
  const known = target as { serverPort?: unknown; attributes?: Attributes | undefined };
  const { serverPort: port, attributes } = known;
  if (port !== undefined && typeof port !== 'number')
    known.serverPort = typeof port === 'string' && PORT.test(port) ? Number(port) : undefined;
  if (attributes !== undefined) known.attributes = withoutCredentials(attributes);
  return target;
}

function withoutCredentials(attributes: Attributes): Attributes {
  let changed: Attributes | undefined;
  for (const name in attributes) {
    const value = attributes[name];
    if (typeof value !== 'string') continue;
    const bare = redaction.word(value);
    if (bare === value) continue;
    changed ??= { ...attributes };
    changed[name] = bare;
  }
  return changed ?? attributes;
}

function asText(value: unknown): string | undefined {
  if (value instanceof Uint8Array)
    return Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined;
}
