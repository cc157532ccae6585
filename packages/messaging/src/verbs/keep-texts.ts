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
 * Cleans a target in place: texts become texts and the port a number, empty and unreadable ones `undefined`, and
 * credentials in addresses (a queue's URL may hold some) are redacted. Attributes without a value are left out.
 *
 * Brokers and clients of other languages send ids as numbers and bytes, and one attribute must not have several types.
 */
export function keepTexts<T extends MessagingTarget>(target: T): T {
  const texts = target as Texts;
  for (const name of TEXTS) {
    const value = texts[name];
    if (value === '' || (value !== undefined && typeof value !== 'string')) texts[name] = asText(value);
  }
  for (const name of ADDRESSES) {
    const value = texts[name];
    if (typeof value === 'string') texts[name] = redaction.word(value);
  }
  const known = target as { serverPort?: unknown; attributes?: Attributes | undefined };
  const { serverPort: port, attributes } = known;
  if (port !== undefined && typeof port !== 'number')
    known.serverPort = typeof port === 'string' && PORT.test(port) ? Number(port) : undefined;
  if (attributes !== undefined) known.attributes = cleaned(attributes);
  return target;
}

function cleaned(attributes: Attributes): Attributes {
  const found: Attributes = {};
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) found[name] = typeof value === 'string' ? redaction.word(value) : value;
  }
  return found;
}

function asText(value: unknown): string | undefined {
  if (value instanceof Uint8Array)
    return Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined;
}
