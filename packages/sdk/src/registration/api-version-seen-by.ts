import { readFileSync } from 'node:fs';
import * as nodePath from 'node:path';
import { ownRequire } from '../settings/own-require.ts';

const API = '@opentelemetry/api';

/**
 * Returns the version of the copy of the API that a package loads, for a message. The API does not export it, and its
 * `package.json` cannot be imported either.
 *
 * The self-check's `loadedCopies` does not answer this: it lists the copies that were loaded as CommonJS, and ES modules
 * cannot be listed.
 */
export function apiVersionSeenBy(name: string): string {
  try {
    const own = ownRequire();
    const file = own.resolve(API, name === '@throughline/sdk' ? {} : { paths: [own.resolve(name)] });
    const { dirname } = nodePath;
    for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
      const manifest = read(nodePath.join(folder, 'package.json'));
      if (manifest?.name === API) return manifest.version;
    }
  } catch {
    // Bundled, or installed in a way that Node's own resolution does not know.
  }
  return 'of unknown version';
}

function read(file: string): { name: string; version: string } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
