import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from 'oxc-parser';

export const ROOT = join(import.meta.dirname, '../..');

/** A file of the repository. */
export interface Source {
  /** From the root of the repository: `packages/core/src/seam.ts`. */
  readonly path: string;
  readonly text: string;
}

/** Returns the files that match, sorted by path. */
export function sources(...patterns: string[]): Source[] {
  return globSync(patterns, { cwd: ROOT, exclude: (path) => path.includes('node_modules') })
    .sort()
    .map(source);
}

export function source(path: string): Source {
  return { path, text: readFileSync(join(ROOT, path), 'utf8') };
}

/** The code that is published. */
export const PRODUCT = sources('packages/*/src/**/*.ts');

export function parsed({ path, text }: Source): ReturnType<typeof parseSync> {
  return parseSync(path, text);
}

/** `packages/core/src/seam.ts:12`, as editors open it. */
export function placeOf({ path, text }: Source, offset: number): string {
  return `${path}:${text.slice(0, offset).split('\n').length}`;
}
