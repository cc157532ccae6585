import { redaction } from '../redaction.ts';
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

type Texts = { -readonly [Name in (typeof TEXTS)[number]]?: unknown };

/**
 * Makes the texts of a target texts, in place: brokers and clients of other languages send ids as numbers and bytes,
 * which an attribute that is text elsewhere must not take over. What is none in any form becomes `undefined`.
 *
 * A destination may be an address with credentials in it; these are redacted.
 */
export function keepTexts<T extends MessagingTarget>(target: T): T {
  const texts = target as Texts;
  for (const name of TEXTS) {
    const value = texts[name];
    if (value !== undefined && typeof value !== 'string') texts[name] = asText(value);
  }
  if (typeof texts.destination === 'string') texts.destination = redaction.word(texts.destination);
  if (typeof texts.destinationTemplate === 'string')
    texts.destinationTemplate = redaction.word(texts.destinationTemplate);
  return target;
}

function asText(value: unknown): string | undefined {
  if (value instanceof Uint8Array)
    return Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined;
}
