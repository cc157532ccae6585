import { redaction, Scope } from '@throughline/core/seam';

export const SCOPE = new Scope('sdk', 'startTracing()');

/** Returns the error of a set-up that cannot work, in the form that all packages use. */
export function setupError(what: string, cause?: unknown): TypeError {
  const message = `[throughline/${SCOPE.package}] ${SCOPE.entry}: ${redaction.text(what)}`;
  return cause === undefined ? new TypeError(message) : new TypeError(message, { cause });
}
