import type { TextMapGetter, TextMapSetter } from '@opentelemetry/api';
import {
  type CarrierSetter,
  carrierGetter,
  carrierSetter,
  lines,
  readCarrier,
  readPrefixed,
  writeCarrier,
} from '@throughline/carrier';
import { BudgetedSetter } from './budgeted-setter.ts';

/**
 * Returns the value of a field, or its values when it came on several lines. If the getter throws or returns neither text
 * nor bytes, only this field is lost.
 */
export function readField(
  carrier: unknown,
  getter: TextMapGetter,
  key: string,
): string | string[] | undefined {
  try {
    return getter === carrierGetter ? readCarrier(carrier, key) : lines(getter.get(carrier, key));
  } catch {
    return undefined;
  }
}

/** Returns the first value of a field, for formats in which the first of several counts. */
export function readFirst(carrier: unknown, getter: TextMapGetter, key: string): string | undefined {
  const value = readField(carrier, getter, key);
  return typeof value === 'string' ? value : value?.[0];
}

/** Returns the first value of each field whose name begins with `prefix`; none when the getter throws. */
export function readWithPrefix(
  carrier: unknown,
  getter: TextMapGetter,
  prefix: string,
  limit: number,
): [string, string][] {
  try {
    return readPrefixed(getter, carrier, prefix, limit).flatMap(([name, value]) => {
      const text = [lines(value)].flat()[0];
      return text === undefined ? [] : [[name, text]];
    });
  } catch {
    return [];
  }
}

/** Writes a field. If the setter throws, only this field is lost. */
export function writeField(carrier: unknown, setter: TextMapSetter, key: string, value: string): void {
  try {
    if (setter === carrierSetter) writeCarrier(carrier, key, value);
    else setter.set(carrier, key, value);
  } catch {
    // The request is sent without it.
  }
}

/** Removes a field left over from an earlier use of the carrier; only our own setters can. */
export function clearField(carrier: unknown, setter: TextMapSetter, key: string): void {
  if (canClear(setter)) setter.delete(carrier, key);
}

export function canClear(setter: TextMapSetter): setter is CarrierSetter {
  return setter === carrierSetter || setter instanceof BudgetedSetter;
}
