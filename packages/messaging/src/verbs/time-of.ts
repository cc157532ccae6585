/** Returns a time in milliseconds since 1970, from a `Date` or text such as ISO 8601; `undefined` for anything else. */
export function timeOf(time: unknown): number | undefined {
  const found =
    time instanceof Date ? time.getTime() : typeof time === 'string' ? Date.parse(time) : Number.NaN;
  return Number.isNaN(found) ? undefined : found;
}
