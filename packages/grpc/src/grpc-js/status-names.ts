/** The statuses of gRPC in the order of their numbers. */
const NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/**
 * Returns the name of a status: `NOT_FOUND` for 5. Numbers that gRPC does not define count as `UNKNOWN`.
 *
 * @see https://grpc.github.io/grpc/core/md_doc_statuscodes.html
 */
export function statusName(code: unknown): string {
  return NAMES[Number(code)] ?? 'UNKNOWN';
}
