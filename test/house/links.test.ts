import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { deadLinks } from './links.ts';
import { ROOT, source, sources } from './source.ts';

const PAGES = sources(
  '*.md',
  '{docs,examples}/**/*.md',
  'packages/*/*.md',
  'packages/*/docs/*.md',
  'test/*/*.md',
);

it('finds what every page links to', () => {
  expect(PAGES.length).toBeGreaterThan(50);
  expect(PAGES.flatMap(deadLinks)).toEqual([]);
});

it('finds the files that docs/architecture.md names', () => {
  const { text } = source('docs/architecture.md');
  const named = [...text.matchAll(/`([a-z-]+)\/([a-z/-]+\.ts)`/g)].map(
    ([, name, file]) => `packages/${name}/src/${file}`,
  );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

it.each([
  ['[a](gone.md)', 'there is no docs/gone.md'],
  ['[a](production.md#gone)', 'docs/production.md has no such heading'],
  ['[a](#gone)', 'docs/logs.md has no such heading'],
  ['[a](https://github.com/throughline-js/throughline/blob/main/gone.md)', 'there is no gone.md'],
])('refuses %s', (text, why) => {
  expect(deadLinks({ path: 'docs/logs.md', text })).toEqual([expect.stringContaining(why)]);
});

it.each(['[a](logs.md#which-ids)', '`[a](gone.md)`', '[a](https://example.com/gone.md)'])(
  'leaves %s alone',
  (text) => {
    expect(deadLinks({ path: 'docs/logs.md', text })).toEqual([]);
  },
);
