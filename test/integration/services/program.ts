import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where a program is, or `undefined`. Debian puts servers into folders that an ordinary user's PATH leaves out. */
export function findProgram(name: string, ...folders: readonly string[]): string | undefined {
  const path = [...folders, ...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin'];
  return path.map((folder) => join(folder, name)).find(isExecutable);
}

/** What `missing()` says about programs: the first that is not there. */
export function missingProgram(...names: readonly string[]): string | undefined {
  const name = names.find((name) => findProgram(name) === undefined);
  return name && `${name} is not installed`;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
