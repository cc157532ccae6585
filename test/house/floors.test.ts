import { expect, it } from 'vitest';
import { floorsOfDocs, type Manifest, wrongDependencies, wrongImports } from './floors.ts';
import { PRODUCT, sources } from './source.ts';

const FLOORS = floorsOfDocs();
const MANIFESTS = new Map(
  sources('packages/*/package.json').map(({ path, text }) => [
    path.split('/')[1] as string,
    JSON.parse(text) as Manifest,
  ]),
);

it('gives every package a floor', () => {
  expect([...FLOORS.keys()].sort()).toEqual([...MANIFESTS.keys()].sort());
});

it('imports downwards only, and only entry points', () => {
  expect(wrongImports(PRODUCT, FLOORS, MANIFESTS)).toEqual([]);
});

it('depends on what it imports, and on nothing else', () => {
  expect(wrongDependencies(PRODUCT, MANIFESTS)).toEqual([]);
});

it.each([
  ['core', `export { wire } from '@throughline/fetch';`, /fetch \(floor \d\) is not below core/],
  ['koa', `import type { A } from '@throughline/express';`, /express \(floor \d\) is not below koa/],
  ['testing', `import '@throughline/trace-tree';`, /depend on carrier and guard only/],
  ['fetch', `type A = import('@throughline/core/src/seam.ts').A;`, /no entry point/],
  ['fetch', `const it = await import('../../core/src/seam.ts');`, /outside of src/],
  ['fetch', `export * from '../test/doubles.ts';`, /outside of src/],
])('refuses in %s: %s', (name, text, problem) => {
  const wrong = wrongImports([{ path: `packages/${name}/src/wrong.ts`, text }], FLOORS, MANIFESTS);
  expect(wrong).toEqual([expect.stringMatching(problem)]);
});

it('refuses a dependency that is missing, and one that is not used', () => {
  const files = [{ path: 'packages/koa/src/index.ts', text: `import { a } from '@throughline/core/seam';` }];
  const koa = { exports: {}, dependencies: { '@throughline/http': '0.1.0', 'koa-compose': '4' } };
  expect(wrongDependencies(files, new Map([['koa', koa]]))).toEqual([
    'packages/koa imports @throughline/core: add it to "dependencies" in its package.json.',
    'packages/koa imports nothing of @throughline/http: remove it from "dependencies" in its package.json.',
  ]);
});
