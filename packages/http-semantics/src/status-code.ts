/** A status code as a number; `undefined` for what is none, since adapters and fetches come from anywhere. */
export function statusCodeOf(value: unknown): number | undefined {
  const code = typeof value === 'string' ? Number(value) : value;
  return typeof code === 'number' && Number.isInteger(code) && code >= 100 && code <= 999 ? code : undefined;
}
