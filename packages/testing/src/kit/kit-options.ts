import { findWrongOption } from '@throughline/guard';
import type { Capabilities } from './conformance-case.ts';
import type { ConformanceSdk } from './conformance-sdk.ts';

/** The options that every kit takes. */
export interface KitOptions<Capability extends string> {
  /** Title of the report: `express 5`, `tracedFetch`. */
  readonly name: string;
  readonly sdk: ConformanceSdk;
  /** How long a case waits for what must happen before it fails, in milliseconds. @default 2000 */
  readonly deadline?: number;
  /** @default every ability present */
  readonly capabilities?: Capabilities<Capability>;
}

type Rule = readonly [accepts: (value: unknown) => boolean, expected: string];
export type KitRules = { readonly [option: string]: Rule };

export const aFunction: Rule = [(value) => typeof value === 'function', 'a function'];
export const aText: Rule = [(value) => typeof value === 'string' && value !== '', 'a text'];
export const aNumber: Rule = [(value) => typeof value === 'number', 'a number'];
export const anObject: Rule = [(value) => typeof value === 'object' && value !== null, 'an object'];

const SHARED_RULES: KitRules = {
  name: aText,
  sdk: anObject,
  deadline: [(value) => typeof value === 'number' && value > 0, 'a number of milliseconds'],
  capabilities: anObject,
};

const ABILITY: Rule = [
  (value) => value === true || typeof (value as { reason?: unknown } | null)?.reason === 'string',
  'true or an object with the reason',
];

/**
 * Checks the options of a kit: a misspelt option would have no effect, and a misspelt ability would skip nothing.
 *
 * @param rules The rules for options of this kit only.
 * @param groups The cases of the kit, which name the abilities that there are.
 * @throws TypeError for a value of the wrong type, and for an option or an ability that does not exist.
 */
export function checkKitOptions(
  entry: string,
  options: { readonly capabilities?: object },
  rules: KitRules,
  groups: Readonly<Record<string, readonly { readonly needs?: readonly string[] }[]>>,
): void {
  check(entry, options, { ...SHARED_RULES, ...rules });
  const needs = Object.values(groups).flatMap((cases) => cases.flatMap((one) => one.needs ?? []));
  const abilities = Object.fromEntries(needs.map((need) => [need, ABILITY]));
  check(`${entry} capabilities`, options.capabilities ?? {}, abilities);
}

function check(entry: string, options: object, rules: KitRules): void {
  const wrong = findWrongOption(options, rules);
  if (wrong !== undefined) throw new TypeError(`[throughline/testing] ${entry}: ${wrong}`);
}
