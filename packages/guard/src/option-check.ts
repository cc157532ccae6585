import { redaction } from './redaction/redaction.ts';

export const isNames = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '');

type Rule = keyof typeof RULES | readonly [accepts: (value: unknown) => boolean, expected: string];

/** What each option must be: the name of a rule, or a check with the words for an error message. */
export type OptionRules = { readonly [name: string]: Rule };

const hasMethods =
  (...names: string[]) =>
  (value: unknown) =>
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');

export const isPropagator = hasMethods('extract', 'inject', 'fields');

const RULES = {
  function: [(value: unknown) => typeof value === 'function', 'a function'],
  boolean: [(value: unknown) => typeof value === 'boolean', 'a boolean'],
  names: [isNames, 'an array of names'],
  tracerProvider: [hasMethods('getTracer'), 'an object with getTracer()'],
  meterProvider: [hasMethods('getMeter'), 'an object with getMeter()'],
  propagator: [isPropagator, 'an object with extract(), inject() and fields()'],
} as const;

/**
 * Returns what is wrong with an options object, in the words of an error message, or `undefined` if nothing is.
 *
 * An option that is `undefined` counts as not given; an option without a rule does not exist.
 */
export function findWrongOption(options: object, rules: OptionRules): string | undefined {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    return `options must be an object, got ${typeName(options)}`;
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) return `options.${name} does not exist; ${knownOptions(rules)}`;
    if (value === undefined) continue;
    const [accepts, expected] = typeof rule === 'string' ? RULES[rule] : rule;
    if (!accepts(value)) return `options.${name} must be ${expected}, got ${typeName(value)}`;
  }
  return undefined;
}

function knownOptions(rules: OptionRules): string {
  const names = Object.keys(rules);
  return names.length === 0 ? 'there are no options' : `the options are ${names.join(', ')}`;
}

/** Returns what a value is, in the words of an error message. */
export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'string' ? `string '${redaction.word(value).slice(0, 40)}'` : typeof value;
}
