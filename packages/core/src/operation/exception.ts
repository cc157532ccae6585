import type { Exception, Span } from '@opentelemetry/api';
import { redaction } from '../redaction/redaction.ts';
import { guarded } from '../setup/guard.ts';
import { className, isError, isName } from './error-class.ts';

/**
 * Records an exception: anything can be thrown, and some of it cannot be read.
 *
 * Messages and stacks are written by others, who quote URLs, connection strings and headers whole. What is recorded is
 * a copy without their secrets; the error itself is not touched.
 *
 * @param redact Takes out what the request at hand keeps secret. Default: what looks like a secret.
 */
export function recordException(
  span: Span,
  error: unknown,
  redact: (text: string) => string = redaction.text,
): void {
  guarded('an error could not be recorded', () => span.recordException(exceptionOf(error, redact)));
}

/** As the SDK reads it: the code goes before the name, and all must be text. */
function exceptionOf(error: unknown, redact: (text: string) => string): Exception {
  if (!isError(error)) return redact(String(error));
  const { message, stack, code } = error as { message?: unknown; stack?: unknown; code?: unknown };
  return {
    name: typeof code === 'number' || isName(code) ? String(code) : (className(error) ?? 'Error'),
    message: redact(String(message ?? '')),
    ...(typeof stack === 'string' && { stack: redact(stack) }),
  };
}
