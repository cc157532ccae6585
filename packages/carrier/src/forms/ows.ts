/** Whether the character is optional white space (RFC 9110): a space or a tab, nothing else. */
export function isOws(code: number): boolean {
  return code === 32 || code === 9;
}

/** Returns the text without optional white space at either end. */
export function trimOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text.charCodeAt(start))) start++;
  while (end > start && isOws(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

/**
 * Returns the first of several values that were joined into one line, without white space around it: lines that a proxy
 * or `Headers` has joined count like separate ones. A value of more than `length` characters may be cut, and stays
 * longer than `length`.
 */
export function firstOf(value: string, length: number): string {
  const start = value.slice(0, length + 64);
  const comma = start.indexOf(',');
  if (comma === -1) return start.length < value.length ? start : trimOws(start);
  return trimOws(start.slice(0, comma));
}
