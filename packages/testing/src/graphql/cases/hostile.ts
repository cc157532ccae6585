import assert from 'node:assert/strict';
import type { GraphqlAsked, GraphqlCase } from '../graphql-case.ts';

const deep = (depth: number) => `{ ${'people { name } '.repeat(depth)} ${'a: greeting '.repeat(3)}`;
const long = 'x'.repeat(5_000);

const HOSTILE: readonly GraphqlAsked[] = [
  { query: '' },
  { query: 7 },
  { query: null },
  { query: '}{' },
  { query: '\u0000\uD800' },
  { query: deep(200) },
  { query: `${'{ people '.repeat(400)}${'}'.repeat(400)}` },
  { query: `query ${long} { greeting }` },
  { query: `query ${long} { greeting }`, operationName: long },
  { query: '{ greeting }', operationName: long },
  { query: '{ greeting }', operationName: '' },
  { query: 'query A { greeting } query B { greeting }' },
  { query: 'query A { greeting } query A { greeting }', operationName: 'A' },
  { query: 'query __proto__ { greeting }', operationName: '__proto__' },
  { query: 'fragment F on Query { greeting }' },
  { query: 'type Query { a: String }' },
  { query: 'query ($name: Int) { greeting(name: $name) }', variables: { name: 'x' } },
  { query: 'query ($name: String) { greeting(name: $name) }', variables: { name: { deep: [1] } } },
  { query: 'query ($name: String) { greeting(name: $name) }', variables: { __proto__: 1, name: 'x' } },
  { query: '{ __schema { types { name } } __typename }' },
];

const NAMES = new Set(['query', 'mutation', 'GraphQL Operation']);

export const graphqlHostileCases: readonly GraphqlCase[] = [
  {
    name: 'answers hostile documents as without tracing, under few different names and with no long attribute',
    async run(world) {
      const plain = await world.serve(undefined);
      for (const asked of HOSTILE) {
        const shown = JSON.stringify(asked).slice(0, 80);
        assert.deepEqual(await world.post(asked), await world.post(asked, {}, plain), shown);
        await world.request();
        await world.request();
        for (const span of world.spans.ended()) {
          assert.ok(NAMES.has(span.name), `${shown} made a span named ${span.name}`);
          for (const value of Object.values(span.attributes)) assert.ok(String(value).length <= 256, shown);
        }
        assert.ok(world.spans.ended().length <= 1, `${shown} made more than one span`);
        world.spans.reset();
      }
    },
  },
];
