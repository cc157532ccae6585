// Builds the back ends that are missing, as far as this machine can, and runs the tests against all that are there.
import { spawnSync } from 'node:child_process';
import { locateOrMake } from './cached-builds.ts';
import { BACK_ENDS } from './recipes.ts';

for (const recipe of BACK_ENDS) {
  const located = await locateOrMake(recipe);
  console.log(`${recipe.name}: ${'path' in located ? located.path : located.missing}`);
}
const { status } = spawnSync('vitest', ['run', '--root', import.meta.dirname, ...process.argv.slice(2)], {
  stdio: 'inherit',
  shell: process.platform === 'win32',
});
process.exit(status ?? 1);
