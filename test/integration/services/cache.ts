import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where downloads are kept between runs: `TL_CACHE`, or a folder of the user's. */
const CACHE = process.env.TL_CACHE ?? join(homedir(), '.cache/throughline');

/** The cached folder of that name, filled by `fill` when it is not there yet. A failed download leaves nothing behind. */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(CACHE, name);
  if (!existsSync(folder)) {
    const unfinished = `${folder}.${process.pid}`;
    mkdirSync(unfinished, { recursive: true });
    try {
      await fill(unfinished);
      renameSync(unfinished, folder);
    } catch (error) {
      rmSync(unfinished, { recursive: true, force: true });
      // Another run may have finished first.
      if (!existsSync(folder)) {
        throw error;
      }
    }
  }
  return folder;
}
