import { isHexId } from '@throughline/carrier';

/** Returns the value of a hexadecimal digit of either case, or -1 for any other character. */
export function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 97 && code <= 102) return code - 87;
  if (code >= 65 && code <= 70) return code - 55;
  return -1;
}

/**
 * Returns the id in lower case, padded with zeros on the left to `length` digits; `undefined` when it is empty, too long,
 * not hexadecimal or all zeros. Older tracers send 64-bit trace ids and omit leading zeros.
 */
export function paddedId(id: string, length: 16 | 32): string | undefined {
  if (id.length === 0 || id.length > length) return undefined;
  const padded = id.toLowerCase().padStart(length, '0');
  return isHexId(padded, length) ? padded : undefined;
}
