import { diag } from '@opentelemetry/api';

/** Causes are texts of our own, so there are few; the bound is there for hooks that are created per request. */
const MAX_CAUSES = 200;
const reported = new Set<string>();

/**
 * Tells OpenTelemetry's diagnostic logger about a fault that must not reach the request, once per cause.
 *
 * `cause` says what failed and what was done instead. It never holds header content or other input.
 */
export function reportOnce(cause: string, error?: unknown): void {
  if (reported.has(cause) || reported.size >= MAX_CAUSES) return;
  reported.add(cause);
  try {
    diag.warn(`[throughline] ${cause}`, error);
  } catch {
    // The application's own logger threw. There is nobody left to tell, and the request must go on.
  }
}

/**
 * Returns what `callback` returns, or `otherwise` when it throws; the fault is reported once under `cause`.
 *
 * A promise that it returns is not waited for, but its rejection is reported too: unhandled, it would end the
 * process for an async hook that failed.
 */
export function guarded<T>(cause: string, callback: () => T): T | undefined;
export function guarded<T>(cause: string, callback: () => T, otherwise: T): T;
export function guarded<T>(cause: string, callback: () => T, otherwise?: T): T | undefined {
  try {
    const result = callback();
    if (result instanceof Promise) result.catch((error: unknown) => reportOnce(cause, error));
    return result;
  } catch (error) {
    reportOnce(cause, error);
    return otherwise;
  }
}
