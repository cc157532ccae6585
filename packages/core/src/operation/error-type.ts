import { className, guarded, isError } from '@throughline/guard';

/** A `code` such as `ECONNREFUSED` or `ERR_STREAM_PREMATURE_CLOSE`: one of few, written by programs for programs. */
const CODE = /^[A-Z][A-Z0-9_]{2,63}$/;

/** Whether a `code` says what went wrong. A number, or one in text such as `23505`, says it only to those who know whose it is. */
export function isErrorCode(code: unknown): code is string {
  return typeof code === 'string' && CODE.test(code);
}

/**
 * Returns the value of `error.type` for a thrown value: its code, else its class, else `_OTHER`.
 *
 * The message is never used, because it would make a new value for each request. `fetch` wraps the error of the
 * connection, so the cause's code is preferred to the wrapper's class.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/#error-type
 */
export function errorType(error: unknown): string {
  return guarded('an error could not be read', () => codeOf(error) ?? className(error)) ?? '_OTHER';
}

function codeOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; isError(at) && depth < 4; at = at.cause, depth++) {
    const { code } = at as { code?: unknown };
    if (isErrorCode(code)) return code;
  }
  return undefined;
}
