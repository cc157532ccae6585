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
  body: (...paths: string[]) => void,
): Promise<void> {
  const located = await Promise.all(recipes.map(locate));
  const paths = located.flatMap((it) => ('path' in it ? [it.path] : []));
  const missing = located.flatMap((it, i) => ('missing' in it ? [`${recipes[i]?.name}: ${it.missing}`] : []));
  if (missing.length === 0) return void describe(title, () => body(...paths));
  const reason = missing.join('; ');
  if (process.env.REQUIRE_BACKENDS === '1') {
    test(title, () => {
      throw new Error(reason);
    });
    return;
  }
  console.log(`skipped: ${title} (${reason})`);
  describe.skip(`${title} (${reason})`, () => body(...paths));
}
