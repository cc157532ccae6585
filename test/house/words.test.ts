import { expect, it } from 'vitest';
import { sources } from './source.ts';
import { wordsIn, wordsOfDocs } from './words.ts';
import left from './words-left.json' with { type: 'json' };

const WORDS = wordsOfDocs();
const PROSE = sources(
  '*.md',
  '{docs,examples,test}/**/*.md',
  'packages/*/{*.md,package.json}',
  'packages/*/docs/**/*.md',
  'packages/*/src/**/*.ts',
);
const placeOf = (path: string) => /^(packages\/)?[^/]+/.exec(path)?.[0] as string;
const PLACES = [...new Set(PROSE.map(({ path }) => placeOf(path)))];

it('reads the list of CONTRIBUTING.md', () => {
  expect(WORDS.length).toBeGreaterThan(5);
});

it.each(PLACES)('%s says nothing that a reader stumbles over', (place) => {
  const found = PROSE.filter(({ path }) => placeOf(path) === place).flatMap((file) => wordsIn(file, WORDS));
  const allowed = (left as Record<string, number>)[place] ?? 0;
  if (found.length > allowed)
    expect(found, 'Say what stands behind the colon. CONTRIBUTING.md, "Words", is the list.').toEqual([]);
  expect(
    allowed,
    `Write ${found.length} for ${place} into test/house/words-left.json: it only shrinks.`,
  ).toBe(found.length);
});

it.each([
  ['packages/koa/src/wrong.ts', '// Nobody knows.'],
  ['packages/koa/src/wrong.ts', '/**\n * The request goes\n * on.\n */'],
  ['packages/koa/src/wrong.ts', "const text = 'for whatever'; const whatever = 1;"],
  ['packages/koa/src/wrong.ts', '// All\n// that it has.'],
  ['docs/wrong.md', 'The header tells the server.'],
])('refuses in %s: %s', (path, text) => {
  expect(wordsIn({ path, text }, WORDS)).toHaveLength(1);
});

it('leaves names and addresses alone', () => {
  expect(wordsIn({ path: 'packages/koa/src/right.ts', text: 'const nobody = told.anew;' }, WORDS)).toEqual(
    [],
  );
  expect(wordsIn({ path: 'docs/right.md', text: '[a](whom-they-tell.md) and `tell()`' }, WORDS)).toEqual([]);
});
