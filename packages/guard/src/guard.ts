import { diag } from '@opentelemetry/api';
import { className, isError, isName } from './error-class.ts';
import { redaction } from './redaction/redaction.ts';
import { sharedByCopies } from './shared-by-copies.ts';

/** Causes are our own texts, so there are few; the limit is for hooks that are created per request. */
const MAX_CAUSES = 200;
const reported = sharedByCopies('reported', () => new Set<string>());

/**
 * Reports a fault that must not reach the request to OpenTelemetry's diagnostic logger, once per cause.
 *
 * `cause` says what failed and what was done instead. It never holds header content or other input. Only the class, the code
 * and the stack's places of `error` are reported: loggers print every property of an error, and its message, cause and
 * properties quote input.
 *
 * @param error Absent: only the cause is reported.
 */
export function reportOnce(cause: string, error?: unknown): void {
  if (reported.has(cause) || reported.size >= MAX_CAUSES) return;
  reported.add(cause);
  try {
    const place = error === undefined ? undefined : placeOf(error);
    if (place === undefined) diag.warn(`[throughline] ${cause}`);
    else diag.warn(`[throughline] ${cause}`, place);
  } catch {
    // The application's own logger threw. There is nowhere left to report it, and the request must continue.
  }
}

/**
 * Returns what `callback` returns, or `otherwise` when it throws; the fault is reported once under `cause`.
 *
 * A returned promise is not awaited, but its rejection is reported as well: an unhandled one would end the process
 * because an async hook failed.
 *
 * @param otherwise Default: `undefined`.
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

/** Returns what an error is and where it was thrown, without its message. */
function placeOf(error: unknown): string {
  try {
    if (!isError(error)) return `threw ${error === null ? 'null' : `a value of type ${typeof error}`}`;
    const { code, message } = error as { code?: unknown; message: unknown };
    const stack = String(error.stack);
    // The message comes first and may look like a stack frame.
    const said = typeof message === 'string' ? stack.indexOf(message) : -1;
    const places = said === -1 ? stack : stack.slice(said + String(message).length);
    const frames = places.match(FRAME)?.slice(0, MAX_FRAMES) ?? [];
    const name = `${className(error) ?? 'Error'}${isName(code) ? ` ${code}` : ''}`;
    return [name, ...frames.map(redaction.text)].join('\n');
  } catch {
    return 'threw something that cannot be read';
  }
}
