import assert from 'node:assert/strict';
import { SpanKind } from '@opentelemetry/api';
import { assertLinks, assertParent, assertSpan } from '../../kit/trace-assertions.ts';
import { REMOTE, traceparentOf } from '../../kit/traceparent.ts';
import type { GraphqlCase } from '../graphql-case.ts';

const BAGGAGE = { baggage: 'tenant=blue' };

export const graphqlContextCases: readonly GraphqlCase[] = [
  {
    name: 'keeps the context of the operation active in resolvers, through promises and timers, with baggage',
    async run(world) {
      const { data } = await world.ask('{ seen }', {}, BAGGAGE);
      const { traceId, spanId } = (await world.operation()).spanContext();
      assert.equal(data?.seen, `${traceId} ${spanId} blue`);
      await world.request();
    },
  },
  {
    name: 'keeps 20 operations apart that are executed at the same time',
    async run(world) {
      const all = Array.from({ length: 20 }, (_, i) => i);
      const answers = await Promise.all(all.map((i) => world.ask(`query Q${i} { seen }`)));
      for (const _ of all) await world.request();
      const operations = await world.spans.takeMany(20);
      for (const operation of operations) {
        const { traceId, spanId } = operation.spanContext();
        const i = Number(String(operation.attributes['graphql.operation.name']).slice(1));
        assert.equal(answers[i]?.data?.seen, `${traceId} ${spanId} `);
      }
    },
  },
  {
    name: 'gives the resolvers of each operation of a batch the context of their own',
    needs: ['batching'],
    async run(world) {
      const { text } = await world.post([{ query: 'query A { seen }' }, { query: 'query B { seen }' }]);
      const seen = JSON.parse(text).map(({ data }: { data: { seen: string } }) => data.seen.split(' ')[1]);
      const operations = [await world.operation(), await world.operation()].sort((a, b) =>
        String(a.attributes['graphql.operation.name']) < String(b.attributes['graphql.operation.name'])
          ? -1
          : 1,
      );
      assert.deepEqual(
        seen,
        operations.map((span) => span.spanContext().spanId),
      );
      await world.request();
    },
  },
  {
    name: 'carries an unsampled context to resolvers and records nothing',
    async run(world) {
      const { data } = await world.ask(
        '{ seen }',
        {},
        { traceparent: traceparentOf({ ...REMOTE, traceFlags: 0 }) },
      );
      assert.equal(String(data?.seen).split(' ')[0], REMOTE.traceId);
      await world.ask('{ greeting }');
      await world.operation();
      await world.request();
    },
  },
  {
    name: 'runs the batch of a loader inside the operation, with a link to every caller',
    needs: ['loader'],
    async run(world) {
      const { data } = await world.ask('{ people { name } }');
      assert.deepEqual(data?.people, [{ name: 'person a' }, { name: 'person b' }, { name: 'person c' }]);
      const operation = await world.operation();
      const load = await world.spans.take(({ name }) => name === 'load names');
      const callers = await world.spans.takeMany(3, ({ name }) => name.startsWith('ask '));
      assertSpan(load, SpanKind.INTERNAL, 'load names');
      assertParent(load, operation);
      assertLinks(
        load,
        callers.map((span) => span.spanContext()),
      );
      assert.deepEqual(
        world.sightings.map((sighting) => sighting.split(' ')[1]),
        [load.spanContext().spanId],
      );
      await world.request();
    },
  },
];
