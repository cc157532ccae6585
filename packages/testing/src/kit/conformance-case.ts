/** Why a case does not apply. The reason is printed with the case's name. */
export interface Skip {
  readonly reason: string;
}

/** One sentence of the specification, with the code that checks it. */
export interface ConformanceCase {
  /** The sentence, unique within its kit: `ends the span when the last byte of a streamed body is written`. */
  readonly name: string;
  /** The heading above the case: `lifetime`. */
  readonly group: string;
  /** Present when the adapter lacks an ability that the case needs: running it would prove nothing. */
  readonly skip?: Skip;
  /** Serves, calls and asserts; rejects with an `AssertionError` when the adapter is wrong. */
  run(): Promise<void>;
}

/**
 * The two functions of a test runner that a kit calls. Those of vitest, `node:test`, mocha and jest fit.
 *
 * @example
 * import { describe, it } from 'node:test';
 * const runner = { describe, it };
 */
export interface ConformanceRunner {
  describe(name: string, body: () => void): unknown;
  readonly it: {
    (name: string, body: () => Promise<void>): unknown;
    /** With it, skipped cases are reported as skipped; without it, they pass, with the reason in their name. */
    skip?(name: string, body: () => Promise<void>): unknown;
  };
}

/**
 * What an adapter can do: `true`, or the reason why not. An absent key means `true`.
 *
 * There is no plain `false`, so that each skip in a report says why.
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
