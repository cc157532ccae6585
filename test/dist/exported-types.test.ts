import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ExportedTypes } from './exported-types.ts';

async function exportedBy(files: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), 'exported-types-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const types = new ExportedTypes();
  return { names: types.add(join(folder, 'index.d.ts')), declarations: types.declarations };
}

test('lists names, and marks those that only types may use', async () => {
  const { names } = await exportedBy({
    'index.d.ts': `export { b, type A } from './a.ts';\nexport type { C as D } from './a.ts';\nexport interface E {}`,
    'a.d.ts': 'export type A = 1;\nexport declare const b: 2;\nexport declare class C {}',
  });
  expect(names).toEqual(['b', 'type A', 'type D', 'type E']);
});

test('follows what is exported, and nothing else, through the files of the package', async () => {
  const { declarations } = await exportedBy({
    'index.d.ts': `export { trace } from './trace.ts';\nexport * as names from './names.ts';`,
    'trace.d.ts': `import type { Span } from '@opentelemetry/api';
import { type Options as Given } from './options.ts';
export declare function trace(span: Span, options?: Given): import('./names.ts').Name;
export declare function trace(): void;
export declare const notExported: 1;`,
    'options.d.ts': `type Mode = 'on' | 'off';\nexport interface Options {\n    /** Default: on. */\n    mode?: Mode;\n}`,
    'names.d.ts': 'export declare const NAME = "name"; // the only one\nexport type Name = typeof NAME;',
  });
  expect(declarations).toEqual([
    "type Mode = 'on' | 'off';",
    'const NAME = "name";',
    'type Name = typeof NAME;',
    'interface Options {\n    mode?: Mode;\n}',
    'function trace(): void;',
    "function trace(span: Span, options?: Given): import('./names.ts').Name;",
  ]);
});

test('includes what is added to the types of another package', async () => {
  const { declarations } = await exportedBy({
    'index.d.ts': `export { plugin } from './plugin.ts';`,
    'plugin.d.ts': `declare module 'fastify' {\n    interface Request {\n        id: Id;\n    }\n}\ntype Id = string;\nexport declare const plugin: 1;`,
  });
  expect(declarations).toContain(
    "declare module 'fastify' {\n    interface Request {\n        id: Id;\n    }\n}",
  );
  expect(declarations).toContain('type Id = string;');
});

test('refuses an export whose names it cannot see', async () => {
  await expect(exportedBy({ 'index.d.ts': `export * from './a.ts';`, 'a.d.ts': '' })).rejects.toThrow(
    'one by one',
  );
});
