/** The codes of Connect in the order of their numbers, which are those of gRPC. */
const CODES = [
  undefined,
  'canceled',
  'unknown',
  'invalid_argument',
  'deadline_exceeded',
  'not_found',
  'already_exists',
  'permission_denied',
  'resource_exhausted',
  'failed_precondition',
  'aborted',
  'out_of_range',
  'unimplemented',
  'internal',
  'unavailable',
  'data_loss',
  'unauthenticated',
] as const;

/**
 * Returns the code of an error as Connect writes it: `not_found`.
 *
 * @param other The code of an error that is not Connect's own: what the library makes of it.
 * @see https://connectrpc.com/docs/protocol/#error-codes
 */
export function errorCode(error: unknown, other: 'internal' | 'unknown' | 'canceled'): string {
  const { name, code } = Object(error) as { name?: unknown; code?: unknown };
  if (name === 'ConnectError') return CODES[Number(code)] ?? 'unknown';
  return name === 'AbortError' || name === 'TimeoutError' ? 'canceled' : other;
}
