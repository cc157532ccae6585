import type { Attributes, AttributeValue } from '@opentelemetry/api';

type PlainValue = string | number | boolean;

/** Whether a value needs no check and no copy. */
export function isPlain(value: unknown): value is PlainValue {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** Returns the value, and of a string at most `limit` characters. */
export function cut(value: PlainValue, limit: number): AttributeValue {
  return typeof value === 'string' && value.length > limit ? value.substring(0, limit) : value;
}

/**
 * Returns how many attributes there are if all are plain and within the limits, so that a span can keep the object as
 * it is. Otherwise returns -1.
 */
export function countPlain(attributes: Attributes, countLimit: number, lengthLimit: number): number {
  // Limits can be any number, NaN included; a key `__proto__` has changed the prototype.
  if (!(lengthLimit > 0) || Object.getPrototypeOf(attributes) !== Object.prototype) return -1;
  let count = 0;
  for (const key in attributes) {
    const value = attributes[key];
    if (key === '' || !isPlain(value) || !Object.hasOwn(attributes, key)) return -1;
    if (typeof value === 'string' && !(value.length <= lengthLimit)) return -1;
    count++;
  }
  return count > countLimit ? -1 : count;
}
