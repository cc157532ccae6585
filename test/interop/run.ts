// Builds the services that are missing, as far as this machine can, and runs the tests with all that are there.
import { spawnSync } from 'node:child_process';
import { locateOrMake } from '../backends/cached-builds.ts';
import { PEERS } from './recipes.ts';

for (const recipe of PEERS) {
  const located = await locateOrMake(recipe);
  console.log(`${recipe.name}: ${'path' in located ? located.path : located.missing}`);
}
const { status } = spawnSync('vitest', ['run', '--root', import.meta.dirname, ...process.argv.slice(2)], {
  stdio: 'inherit',
  shell: process.platform === 'win32',
});
process.exit(status ?? 1);
