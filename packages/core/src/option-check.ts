/** Who is being set up, for the error message and the instrumentation scope. */
export interface Owner {
  /** Package without the scope: `express`. */
  readonly package: string;
  /** The function that the user called: `traceContext()`. */
  readonly entry: string;
}

export const isNames = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '');

type Rule = keyof typeof RULES | readonly [accepts: (value: unknown) => boolean, expected: string];

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
 * Checks an options object against a rule per option; an option that is `undefined` counts as not given.
 *
 * @throws TypeError for a value of the wrong type and for an option that does not exist:
 * `[throughline/express] traceContext(): options.ignore must be a function, got string`
 */
export function checkOptions(options: object, owner: Owner, rules: { readonly [name: string]: Rule }): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    fail(owner, `options must be an object, got ${typeName(options)}`);
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) {
      fail(owner, `options.${name} does not exist; the options are ${Object.keys(rules).join(', ')}`);
    } else if (value !== undefined) {
      const [accepts, expected] = typeof rule === 'string' ? RULES[rule] : rule;
      if (!accepts(value)) fail(owner, `options.${name} must be ${expected}, got ${typeName(value)}`);
    }
  }
}

/** @throws TypeError with `what`, in the name of what the user called. */
export function fail(owner: Owner, what: string): never {
  throw new TypeError(`[throughline/${owner.package}] ${owner.entry}: ${what}`);
}

/** What a value is, in the words of an error message. */
export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'string' ? `string '${value.slice(0, 40)}'` : typeof value;
}
