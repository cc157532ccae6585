import { diag } from '@opentelemetry/api';
import { shared } from '../context/shared.ts';
import { className, isError, isName } from '../operation/error-class.ts';
import { redaction } from '../redaction/redaction.ts';

/** Causes are texts of our own, so there are few; the bound is there for hooks that are created per request. */
const MAX_CAUSES = 200;
const reported = shared('reported', () => new Set<string>());

/**
 * Reports a fault that must not reach the request to OpenTelemetry's diagnostic logger, once per cause.
 *
 * `cause` says what failed and what was done instead. It never holds header content or other input, and of `error`
 * only its class, its code and the places in its stack are reported: loggers print everything that an error holds, and its
 * message, its cause and its properties quote what it was about.
 */
export function reportOnce(cause: string, error?: unknown): void {
  if (reported.has(cause) || reported.size >= MAX_CAUSES) return;
  reported.add(cause);
  try {
    const place = error === undefined ? undefined : placeOf(error);
    if (place === undefined) diag.warn(`[throughline] ${cause}`);
    else diag.warn(`[throughline] ${cause}`, place);
  } catch {
    // The application's own logger threw. Nothing is left to report to, and the request must continue.
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

const FRAME = /^[ \t]{1,8}at .*$/gm;
const MAX_FRAMES = 10;

/** What an error is and where it comes from, without what it says. */
function placeOf(error: unknown): string {
  try {
    if (!isError(error)) return `threw ${error === null ? 'null' : `a value of type ${typeof error}`}`;
    const { code, message } = error as { code?: unknown; message: unknown };
    const stack = String(error.stack);
    // The message comes first, and may look like a place.
    const said = typeof message === 'string' ? stack.indexOf(message) : -1;
    const places = said === -1 ? stack : stack.slice(said + String(message).length);
    const frames = places.match(FRAME)?.slice(0, MAX_FRAMES) ?? [];
    const name = `${className(error) ?? 'Error'}${isName(code) ? ` ${code}` : ''}`;
    return [name, ...frames.map(redaction.text)].join('\n');
  } catch {
    return 'threw something that cannot be read';
  }
}
