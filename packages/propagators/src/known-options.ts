import { findWrongOption } from '@throughline/guard';

/**
 * Refuses options that do not exist. The caller checks the values of the others.
 *
 * @throws TypeError that names `entry`, the option, and the options that exist.
 */
export function checkKnownOptions(entry: string, options: object, known: readonly string[]): void {
  const wrong = findWrongOption(options, Object.fromEntries(known.map((name) => [name, ANY_VALUE])));
  if (wrong !== undefined) throw new TypeError(`[throughline/propagators] ${entry}: ${wrong}`);
}

const ANY_VALUE = [() => true, 'anything'] as const;
