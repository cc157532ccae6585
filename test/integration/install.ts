// Installs this folder's clients when they are not there, or not those that package.json pins.
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';

const changed = (file: string) =>
  statSync(join(import.meta.dirname, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;

// npm writes this file at the end of an installation that went well.
if (changed('node_modules/.package-lock.json') < changed('package.json')) {
  const { status } = spawnSync(
    'npm',
    ['install', '--no-audit', '--no-fund', '--prefix', import.meta.dirname],
    {
      stdio: 'inherit',
    },
  );
  process.exitCode = status ?? 1;
}
