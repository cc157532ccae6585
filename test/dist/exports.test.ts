import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ExportedTypes } from './exported-types.ts';
import { publishedPackages } from './packed-packages.ts';

const PACKAGES = join(import.meta.dirname, '../../packages');

it.each(await publishedPackages())(
  '@throughline/%s exports what exports/ lists, under every entry point',
  async (name) => {
    const { exports } = JSON.parse(await readFile(join(PACKAGES, name, 'package.json'), 'utf8')) as {
      exports: Record<string, { types: string; default: string }>;
    };
    const types = new ExportedTypes();
    const lines: string[] = [];
    for (const [path, { types: file, default: code }] of Object.entries(exports).sort(([a], [b]) =>
      a < b ? -1 : 1,
    )) {
      const names = types.add(join(PACKAGES, name, file));
      const values = Object.keys(await import(join(PACKAGES, name, code))).sort();
      expect(names.filter((it) => !it.startsWith('type '))).toEqual(values);
      lines.push(join('@throughline', name, path), ...names.map((it) => `  ${it}`));
    }
    await expect(
      `${[...lines, '', ...types.declarations].join('\n')}\n`,
      'What users can import has changed, in name or in type. If that is intended: npm run build && npx vitest run --root test/dist exports -u, and commit test/dist/exports',
    ).toMatchFileSnapshot(`./exports/${name}.txt`);
  },
);
