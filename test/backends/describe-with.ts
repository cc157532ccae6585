import { describe, test } from 'vitest';
import { locate, type Recipe } from './cached-builds.ts';

/**
 * A `describe` for what needs programs that a machine may not have: without them it is skipped, by name and with the
 * reason, or fails when `REQUIRE_BACKENDS=1` says that this machine must have them.
 *
 * @param body Gets the programs' paths in the order of `recipes`.
 */
export async function describeWith(
  recipes: readonly Recipe[],
  title: string,
  body: (...paths: string[]) => void | Promise<void>,
): Promise<void> {
  const { paths, reason } = await find(recipes);
  if (reason === undefined) return void describe(title, () => body(...paths));
  if (isRequired()) return failWith(title, reason);
  console.log(`skipped: ${title} (${reason})`);
  describe.skip(`${title} (${reason})`, () => body(...paths));
}

/** A `test` for what needs one more program than those around it; see {@link describeWith}. */
export async function testWith(recipe: Recipe, title: string, body: () => Promise<void>): Promise<void> {
  const { reason } = await find([recipe]);
  if (reason === undefined) return void test(title, body);
  if (isRequired()) return failWith(title, reason);
  console.log(`skipped: ${title} (${reason})`);
  test.skip(`${title} (${reason})`, body);
}

async function find(recipes: readonly Recipe[]) {
  const located = await Promise.all(recipes.map(locate));
  const paths = located.flatMap((it) => ('path' in it ? [it.path] : []));
  const missing = located.flatMap((it, i) => ('missing' in it ? [`${recipes[i]?.name}: ${it.missing}`] : []));
  const reason = missing.length > 0 ? missing.join('; ') : undefined;
  return { paths, reason };
}

function isRequired(): boolean {
  return process.env.REQUIRE_BACKENDS === '1';
}

function failWith(title: string, reason: string) {
  test(title, () => {
    throw new Error(reason);
  });
}
