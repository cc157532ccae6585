/** What the two functions below found. */
export const NOT_HEX = 0;
export const ALL_ZERO = 1;
export const NON_ZERO = 2;

// Bit 4 marks what is not a lower-case hexadecimal digit; the rest of the byte is zero for '0' only.
const DIGITS = new Uint8Array(256).fill(16);
for (let i = 0; i < 16; i++) DIGITS[i.toString(16).charCodeAt(0)] = i;

/**
 * Says whether `text[start, end)` is lower-case hexadecimal, and if so whether it is all zeros.
 *
 * A table and no branch per character: this loop is most of what checking an id costs.
 */
export function hexRange(text: string, start: number, end: number): 0 | 1 | 2 {
  let seen = 0;
  let codes = 0;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    codes |= code;
    seen |= DIGITS[code] as number;
  }
  // A code beyond the table reads undefined, which | takes for zero.
  if (seen >= 16 || codes > 255) return NOT_HEX;
  return seen === 0 ? ALL_ZERO : NON_ZERO;
}

/** The same for a range of ASCII bytes. */
export function hexBytes(bytes: Uint8Array, start: number, end: number): 0 | 1 | 2 {
  let seen = 0;
  for (let i = start; i < end; i++) seen |= DIGITS[bytes[i] as number] as number;
  if (seen >= 16) return NOT_HEX;
  return seen === 0 ? ALL_ZERO : NON_ZERO;
}

/** The value of one hexadecimal digit of either case, or -1. */
export function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 97 && code <= 102) return code - 87;
  if (code >= 65 && code <= 70) return code - 55;
  return -1;
}

/**
 * The id padded with zeros on the left to `length` lower-case digits, or `undefined` when it is empty, too long, not
 * hexadecimal or all zeros. Older tracers send 64-bit trace ids and leave leading zeros out.
 */
export function paddedId(id: string, length: number): string | undefined {
  if (id.length === 0 || id.length > length) return undefined;
  const lower = id.toLowerCase();
  if (hexRange(lower, 0, lower.length) !== NON_ZERO) return undefined;
  return lower.padStart(length, '0');
}
