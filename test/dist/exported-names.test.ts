import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { publishedPackages } from './packed-packages.ts';

const PACKAGES = join(import.meta.dirname, '../../packages');

/** The names that a file of types exports; one that only types may use has `type` before it. */
function declaredNames(types: string): string[] {
  const code = types.replace(/\/\*[\s\S]*?\*\//g, '');
  if (/^export (\* from|=|default)/m.test(code)) throw new Error('exports names that this test cannot read');
  const declared = [
    ...code.matchAll(/^export (?:declare )?(?:abstract )?(interface|type|class|function|const|let) (\w+)/gm),
  ];
  const listed = [...code.matchAll(/^export (type )?\{([^}]*)\}/gm)].flatMap(([, type, names]) =>
    (names as string)
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean)
      .map((name) => (type && !name.startsWith('type ') ? `type ${name}` : name).replace(/\w+ as /, '')),
  );
  const spaces = [...code.matchAll(/^export \* as (\w+)/gm)].map(([, name]) => name as string);
  const own = declared.map(([, kind, name]) =>
    kind === 'interface' || kind === 'type' ? `type ${name}` : (name as string),
  );
  return [...new Set([...own, ...listed, ...spaces])].sort();
}

it.each(await publishedPackages())(
  '@throughline/%s exports what exports/ lists, under every entry point',
  async (name) => {
    const { exports } = JSON.parse(await readFile(join(PACKAGES, name, 'package.json'), 'utf8')) as {
      exports: Record<string, { types: string; default: string }>;
    };
    const lines: string[] = [];
    for (const [path, { types, default: code }] of Object.entries(exports).sort(([a], [b]) =>
      a < b ? -1 : 1,
    )) {
      const declared = declaredNames(await readFile(join(PACKAGES, name, types), 'utf8'));
      const values = Object.keys(await import(join(PACKAGES, name, code))).sort();
      expect(declared.filter((it) => !it.startsWith('type '))).toEqual(values);
      lines.push(join('@throughline', name, path), ...declared.map((it) => `  ${it}`));
    }
    await expect(
      `${lines.join('\n')}\n`,
      'What users can import has changed. If that is intended: npm run build && npx vitest run --root test/dist exported-names -u, and commit test/dist/exports',
    ).toMatchFileSnapshot(`./exports/${name}.txt`);
  },
);
