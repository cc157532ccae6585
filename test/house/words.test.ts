import { expect, it } from 'vitest';
import { sources } from './source.ts';
import { wordsIn, wordsOfDocs } from './words.ts';

const WORDS = wordsOfDocs();
const PROSE = sources(
  '*.md',
  '{docs,examples,test}/**/*.md',
  'packages/*/{*.md,package.json}',
  'packages/*/docs/**/*.md',
  '{examples,packages/*/src}/**/*.ts',
);

it('reads the list of CONTRIBUTING.md', () => {
  expect(WORDS.length).toBeGreaterThan(5);
});

it('says nothing that a reader stumbles over', () => {
  expect(
    PROSE.flatMap((file) => wordsIn(file, WORDS)),
    'Say what stands behind the colon. The list is in CONTRIBUTING.md, "Words".',
  ).toEqual([]);
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
