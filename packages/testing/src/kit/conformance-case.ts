/** Why a case does not apply. The reason is printed with the case's name. */
export interface Skip {
  readonly reason: string;
}

/** One sentence of the specification, with the code that checks it. */
export interface ConformanceCase {
  /** The sentence, unique within its kit: `ends the span when the last byte of a streamed body is written`. */
  readonly name: string;
  /** The heading that the case stands under: `lifetime`. */
  readonly group: string;
  /** Present when the adapter lacks a capability that the case needs; running the case would then prove nothing. */
  readonly skip?: Skip;
  /** Serves, calls and asserts; rejects with an `AssertionError` when the adapter is wrong. */
  run(): Promise<void>;
}

/**
 * The two functions a kit needs of a test runner. vitest, `node:test`, mocha and jest fit as they are.
 *
 * @example
 * import { describe, it } from 'node:test';
 * const runner = { describe, it };
 */
export interface ConformanceRunner {
  describe(name: string, body: () => void): unknown;
  readonly it: {
    (name: string, body: () => Promise<void>): unknown;
    /** Where the runner has it, skipped cases are reported as skipped; otherwise they pass with the reason. */
    skip?(name: string, body: () => Promise<void>): unknown;
  };
}

/**
 * What an adapter can do: `true`, or the reason why not. An absent key means `true`.
 *
 * A missing ability is never a plain `false`, so that each skip in a report says why.
 */
export type Capabilities<Name extends string> = { readonly [name in Name]?: true | Skip };

/** Returns why an ability is missing, or `undefined` when it is there. */
export function lackOf<Name extends string>(
  capabilities: Capabilities<Name> | undefined,
  name: Name,
): Skip | undefined {
  const able: true | Skip = capabilities?.[name] ?? true;
  return able === true ? undefined : able;
}
