import { diag } from '@opentelemetry/api';
import { redaction, registeredApi } from '@throughline/core/seam';

/**
 * Reports something that the operator must see: through the application's diagnostic logger or, without one, on stderr.
 * Secrets are redacted, because the errors of others may quote them. `OTEL_LOG_LEVEL=none` silences both.
 */
export function notice(text: string): void {
  const line = `[throughline/sdk] ${redaction.text(text)}`;
  try {
    if (registeredApi().diag !== undefined) diag.warn(line);
    else process.stderr.write(`${line}\n`);
  } catch {
    // The application's own logger threw, or stderr is closed. No other way to report is left.
  }
}
