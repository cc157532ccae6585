import type { TextMapPropagator } from '@opentelemetry/api';
import { MAX_BAGGAGE_BYTES } from './baggage-limits.ts';

/**
 * The bytes that propagation may add to one request, all formats together. A Node server accepts 16 KB of headers and
 * answers 431 beyond that, and the application has headers of its own. W3C Baggage requires 8192 of them, so the other
 * fields share the rest.
 */
export const MAX_INJECTED_BYTES = 12_288;
/** The bytes of a `tracestate` that is passed on as it came. */
export const MAX_TRACE_STATE_BYTES = 3072;

/** Counts the bytes that are written into one carrier. */
export class FieldBudget {
  #left = MAX_INJECTED_BYTES;

  /** Takes a field if it fits beside those taken before; returns whether it does. */
  take(name: string, value: string): boolean {
    const size = sizeOf(name, value);
    if (size > this.#left) return false;
    this.#left -= size;
    return true;
  }
}

/**
 * Returns the fields that may go out together. Only whole members are dropped: list members from the right, and fields
 * that are one member each (`uberctx-…`, whose names no propagator lists) before all others.
 */
export function withinBudget(
  fields: Record<string, string>,
  propagator: Pick<TextMapPropagator, 'fields'>,
): Record<string, string> {
  let size = 0;
  for (const name in fields) size += sizeOf(name, fields[name] as string);
  if (size <= MAX_INJECTED_BYTES) return fields;
  const budget = new FieldBudget();
  const names = Object.keys(fields);
  const listed = propagator.fields();
  const ordered = [
    ...names.filter((name) => listed.includes(name)),
    ...names.filter((name) => !listed.includes(name)),
  ];
  const kept: Record<string, string> = {};
  for (const name of ordered) {
    const value = shortened(name, fields[name] as string);
    if (budget.take(name, value)) kept[name] = value;
  }
  return kept;
}

/** Name and value, a colon, a space and the end of the line. Injected fields are ASCII. */
function sizeOf(name: string, value: string): number {
  return name.length + value.length + 4;
}

function shortened(name: string, value: string): string {
  if (name === 'baggage') return cutList(value, MAX_BAGGAGE_BYTES);
  return name === 'tracestate' ? cutList(value, MAX_TRACE_STATE_BYTES) : value;
}

function cutList(list: string, length: number): string {
  return list.length <= length ? list : list.slice(0, Math.max(0, list.lastIndexOf(',', length)));
}
