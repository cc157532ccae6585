import assert from 'node:assert/strict';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { assertErrorType, assertParent, assertSpan } from '../../kit/trace-assertions.ts';
import type { GraphqlCase, GraphqlWorld } from '../graphql-case.ts';

const ERRORS = 'throughline.graphql.errors';
const UNKNOWN = 'GraphQL Operation';

/** Asserts that a refused operation has one span that shows why. */
async function assertRefused(world: GraphqlWorld, errorType: string, name: string): Promise<void> {
  const operation = await world.operation();
  const request = await world.request();
  const { refusedType = true } = world.options.capabilities ?? {};
  assertSpan(operation, SpanKind.SERVER, refusedType === true ? name : UNKNOWN);
  assertErrorType(operation, errorType);
  assertParent(operation, request);
  assert.equal(request.attributes[ERRORS], 1);
  assert.doesNotMatch(
    JSON.stringify([operation.events, operation.attributes, request.attributes]),
    /planted/,
  );
}

function refusalsOf({ options }: GraphqlWorld) {
  return options.refusals ?? { parse: 'GRAPHQL_PARSE_FAILED', validation: 'GRAPHQL_VALIDATION_FAILED' };
}

export const graphqlErrorCases: readonly GraphqlCase[] = [
  {
    name: 'shows the error of a resolver on the operation and on the request, though the answer is a 200',
    async run(world) {
      const { status, text } = await world.post({ query: '{ greeting fail }' });
      assert.equal(status, 200);
      assert.equal(JSON.parse(text).data.greeting, 'hello you');
      const operation = await world.operation();
      const request = await world.request();
      assertErrorType(operation, 'RangeError');
      assert.equal(operation.events[0]?.attributes?.['exception.message'], 'no such thing');
      assert.equal(operation.attributes[ERRORS], 1);
      assert.equal(request.attributes[ERRORS], 1);
      assert.equal(request.status.code, SpanStatusCode.UNSET);
    },
  },
  {
    name: 'counts the errors of a batch on its request, and fails the operations that have them',
    needs: ['batching'],
    async run(world) {
      await world.post([
        { query: 'query A { fail }' },
        { query: 'query B { greeting }' },
        { query: 'query C { a: fail b: fail }' },
      ]);
      const operations = [await world.operation(), await world.operation(), await world.operation()];
      const counts = operations.map(({ attributes }) => [
        attributes['graphql.operation.name'],
        attributes[ERRORS],
      ]);
      assert.deepEqual(Object.fromEntries(counts), { A: 1, B: undefined, C: 2 });
      assert.equal((await world.request()).attributes[ERRORS], 3);
    },
  },
  {
    name: 'records no secret that the error of a resolver quotes',
    async run(world) {
      await world.ask('{ failQuoting }');
      const operation = await world.operation();
      assert.equal(operation.events.length, 1);
      assert.doesNotMatch(JSON.stringify(operation.events), /hidden-word/);
      await world.request();
    },
  },
  {
    name: 'makes a span of a document that cannot be parsed, and quotes nothing of it',
    async run(world) {
      await world.post({ query: '{ planted "planted' });
      await assertRefused(world, refusalsOf(world).parse, UNKNOWN);
    },
  },
  {
    name: 'makes a span of a document that is not valid, and quotes nothing of it',
    async run(world) {
      await world.post({ query: '{ planted }' });
      await assertRefused(world, refusalsOf(world).validation, 'query');
    },
  },
  {
    name: 'makes a span of an operation that the document does not have, without a name from the client',
    async run(world) {
      await world.post({ query: 'query A { greeting }', operationName: 'planted' });
      const operation = await world.operation();
      assertSpan(operation, SpanKind.SERVER, UNKNOWN);
      assert.equal(operation.status.code, SpanStatusCode.ERROR);
      assert.doesNotMatch(JSON.stringify([operation.events, operation.attributes]), /planted/);
      await world.request();
    },
  },
];
