import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Visitor } from 'oxc-parser';
import { parsed, placeOf, type Source } from './source.ts';

const CONVENTIONS = dirname(fileURLToPath(import.meta.resolve('@opentelemetry/semantic-conventions')));
/** Deprecations are in the comments only. */
const DECLARED =
  /\/\*\*(?<comment>(?:(?!\*\/)[\s\S])*)\*\/\s*declare const (?:ATTR|METRIC)_\w+: "(?<name>[^".]+\.[^"]+)";/g;

/** The version of the conventions that is installed. */
export function installedConventions(): string {
  const manifest = readFileSync(join(CONVENTIONS, '../package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

/** The names that the installed conventions deprecate, each with what they say in its place. A name without a dot is a word. */
export function deprecatedNames(): Map<string, string> {
  const found = new Map<string, string>();
  for (const kind of ['attributes', 'metrics']) {
    const text = readFileSync(join(CONVENTIONS, `experimental_${kind}.d.mts`), 'utf8');
    for (const { groups } of text.matchAll(DECLARED)) {
      const why = /@deprecated ([^@]*)/.exec(groups?.comment ?? '')?.[1];
      if (why !== undefined) found.set(groups?.name as string, why.replace(/[\s*]+/g, ' ').trim());
    }
  }
  return found;
}

/** Returns where `files` write one of the names: one line each, which says what to do. */
export function deprecatedNamesIn(files: readonly Source[], names: ReadonlyMap<string, string>): string[] {
  return files.flatMap((file) => {
    const found: string[] = [];
    new Visitor({
      Literal({ value, start }) {
        const why = typeof value === 'string' ? names.get(value) : undefined;
        if (why !== undefined) found.push(`${placeOf(file, start)} '${value}': ${why}`);
      },
    }).visit(parsed(file).program);
    return found;
  });
}
