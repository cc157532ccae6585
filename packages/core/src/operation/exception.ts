import type { Exception, Span } from '@opentelemetry/api';
import { className, guarded, isError, redaction } from '@throughline/guard';
import { isErrorCode } from './error-type.ts';

/**
 * Records an exception. Any value can be thrown, and some cannot be read.
 *
 * Libraries quote whole URLs, connection strings and headers in messages and stacks. What is recorded is a copy without
 * their secrets; the error itself is not touched.
 *
 * @param redact Removes the secrets of the request at hand. Default: removes what looks like a secret.
 */
export function recordException(
  span: Span,
  error: unknown,
  redact: (text: string) => string = redaction.text,
): void {
  guarded('an error could not be recorded', () => span.recordException(exceptionOf(error, redact)));
}

/** Returns the error in the form that the SDK reads, without its `code`: the SDK would prefer a 13 to the name. */
function exceptionOf(error: unknown, redact: (text: string) => string): Exception {
  if (!isError(error)) return redact(String(error));
  const { message, stack, code } = error as { message?: unknown; stack?: unknown; code?: unknown };
  return {
    name: isErrorCode(code) ? code : (className(error) ?? 'Error'),
    message: redact(String(message ?? '')),
    ...(typeof stack === 'string' && { stack: redact(stack) }),
  };
}
