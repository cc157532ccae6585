// Installs the clients of the folders it is given, where they are not there or not those that package.json pins.
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';

const changed = (...path: string[]) => statSync(join(...path), { throwIfNoEntry: false })?.mtimeMs ?? 0;

for (const folder of process.argv.slice(2)) {
  // npm writes this file at the end of an installation that went well.
  if (changed(folder, 'node_modules/.package-lock.json') >= changed(folder, 'package.json')) continue;
  const install = ['install', '--no-audit', '--no-fund', '--prefix', folder];
  const { status } = spawnSync('npm', install, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
