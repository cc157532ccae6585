import assert from 'node:assert/strict';
import { SpanKind } from '@opentelemetry/api';
import { assertErrorType, assertParent, assertSpan } from '../../kit/trace-assertions.ts';
import { REMOTE, traceparentOf } from '../../kit/traceparent.ts';
import type { GraphqlCase } from '../graphql-case.ts';

export const graphqlSpanCases: readonly GraphqlCase[] = [
  {
    name: 'makes one SERVER span of an operation, a child of its request in the trace of the caller, by the conventions',
    async run(world) {
      const { data } = await world.ask('query Greet { greeting }', {}, { traceparent: traceparentOf() });
      assert.equal(data?.greeting, 'hello you');
      const operation = await world.operation();
      const request = await world.request();
      assertSpan(operation, SpanKind.SERVER, 'query');
      assertParent(operation, request);
      assertParent(request, REMOTE);
      assertErrorType(operation, undefined);
      assert.equal(operation.attributes['graphql.operation.type'], 'query');
      assert.equal(operation.attributes['graphql.operation.name'], 'Greet');
    },
  },
  {
    name: 'names the span of a mutation by its type, and an anonymous operation not at all',
    async run(world) {
      await world.ask('mutation { rename(name: "x") }');
      const operation = await world.operation();
      assertSpan(operation, SpanKind.SERVER, 'mutation');
      assert.equal(operation.attributes['graphql.operation.name'], undefined);
      await world.request();
    },
  },
  {
    name: 'describes the operation of a document that the client chose',
    async run(world) {
      await world.ask('query A { seen } mutation B { rename(name: "x") }', { operationName: 'B' });
      const operation = await world.operation();
      assertSpan(operation, SpanKind.SERVER, 'mutation');
      assert.equal(operation.attributes['graphql.operation.name'], 'B');
      await world.request();
    },
  },
  {
    name: 'records neither the document nor variables',
    async run(world) {
      await world.ask('query ($name: String) { greeting(name: $name) other: greeting(name: "literal") }', {
        variables: { name: 'variable' },
      });
      const spans = [await world.operation(), await world.request()];
      assert.doesNotMatch(JSON.stringify(spans.map((span) => span.attributes)), /greeting|variable|literal/);
    },
  },
  {
    name: 'gives each operation of a batch a span of its own',
    needs: ['batching'],
    async run(world) {
      await world.post([
        { query: 'query One { greeting }' },
        { query: 'mutation Two { rename(name: "x") }' },
      ]);
      const request = await world.request();
      const operations = [await world.operation(), await world.operation()];
      for (const operation of operations) assertParent(operation, request);
      assert.deepEqual(operations.map(({ attributes }) => attributes['graphql.operation.name']).sort(), [
        'One',
        'Two',
      ]);
    },
  },
  {
    name: 'passes everything known at the start to the sampler',
    sampler: ({ notes }) => ({
      shouldSample(_context, _traceId, name, _kind, attributes) {
        notes.push([name, attributes['graphql.operation.type'], attributes['graphql.operation.name']]);
        return { decision: 2 };
      },
      toString: () => 'noting sampler',
    }),
    async run(world) {
      await world.ask('query Greet { greeting }');
      await world.operation();
      await world.request();
      assert.deepEqual(world.notes.at(-1), ['query', 'query', 'Greet']);
    },
  },
  {
    name: 'names its scope, the version and the schema of the conventions',
    async run(world) {
      await world.ask('{ greeting }');
      const { name, version, schemaUrl } = (await world.operation()).instrumentationScope;
      assert.match(name, /graphql/);
      assert.match(version ?? '', /^\d+\.\d+/);
      assert.match(schemaUrl ?? '', /^https:\/\/opentelemetry\.io\/schemas\//);
      await world.request();
    },
  },
  {
    name: 'names the route of its requests',
    needs: ['route'],
    async run(world) {
      await world.ask('{ greeting }');
      await world.operation();
      const request = await world.request();
      assertSpan(request, SpanKind.SERVER, 'POST /graphql');
      assert.equal(request.attributes['http.route'], '/graphql');
    },
  },
];
