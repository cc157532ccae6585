import type { Owner } from '@throughline/core/adapter';

export const OWNER: Owner = { package: 'sdk', entry: 'startTracing()' };

/** The error of a set-up that cannot work, in the words of all packages. */
export function setupError(what: string, cause?: unknown): TypeError {
  const message = `[throughline/${OWNER.package}] ${OWNER.entry}: ${what}`;
  return cause === undefined ? new TypeError(message) : new TypeError(message, { cause });
}
