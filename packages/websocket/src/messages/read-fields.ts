import type { MessageFields } from './message-codec.ts';

/** In characters. What we write is at most 12 KB; a longer context is not read. */
const MAX_LENGTH = 16_384;
const TRACEPARENTS = /"traceparent"\s*:/gi;

/** Returns the fields that a JSON object holds, or `undefined` if it is too long, no object, or names two callers. */
export function readFields(json: string): MessageFields | undefined {
  if (json.length > MAX_LENGTH || namesTwoCallers(json)) return undefined;
  try {
    return asFields(JSON.parse(json));
  } catch {
    return undefined;
  }
}

/** Whether a JSON text has several members `traceparent`, of which `JSON.parse` would let the last one win. */
export function namesTwoCallers(json: string): boolean {
  return (json.match(TRACEPARENTS)?.length ?? 0) > 1;
}

/** Returns the value if it is an object that can hold fields. */
export function asFields(value: unknown): MessageFields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as MessageFields)
    : undefined;
}
