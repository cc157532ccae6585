import { diag } from '@opentelemetry/api';
import { redaction, registeredApi } from '@throughline/core/seam';

/**
 * Reports to the operator what must not stay unseen: through the application's diagnostic logger, and where there
 * is none on stderr. It is free of secrets, which others quote in what they throw. `OTEL_LOG_LEVEL=none` silences both.
 */
export function notice(text: string): void {
  const line = `[throughline/sdk] ${redaction.text(text)}`;
  try {
    if (registeredApi().diag !== undefined) diag.warn(line);
    else process.stderr.write(`${line}\n`);
  } catch {
    // The application's own logger threw, or stderr is closed. Nothing is left to report to.
  }
}
