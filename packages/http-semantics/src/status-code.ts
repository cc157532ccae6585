/** Returns a status code as a number, or `undefined` for a value that is none: adapters and fetches may pass anything. */
export function statusCodeOf(value: unknown): number | undefined {
  const code = typeof value === 'string' ? Number(value) : value;
  return typeof code === 'number' && Number.isInteger(code) && code >= 100 && code <= 999 ? code : undefined;
}
