import assert from 'node:assert/strict';
import { traceparentOf } from '../../kit/traceparent.ts';
import type { GraphqlCase } from '../graphql-case.ts';

export const graphqlNoSdkCases: readonly GraphqlCase[] = [
  {
    name: 'passes the W3C fields of a request on to the calls of its resolvers when no SDK is registered',
    sdk: 'none',
    async run(world) {
      const fields = { traceparent: traceparentOf(), tracestate: 'vendor=1', baggage: 'tenant=blue' };
      const { data } = await world.ask('{ sent }', {}, fields);
      assert.deepEqual(JSON.parse(String(data?.sent)), fields);
    },
  },
  {
    name: 'answers when no SDK is registered, errors and subscriptions included',
    sdk: 'none',
    async run(world) {
      assert.equal((await world.ask('{ greeting }')).data?.greeting, 'hello you');
      assert.equal((await world.ask('{ fail }')).errors?.length, 1);
      assert.ok((await world.ask('{ nonsense }')).errors?.length);
      const { subscriptions = true } = world.options.capabilities ?? {};
      if (subscriptions !== true) return;
      const events: unknown[] = [];
      for await (const event of world.subscribe('subscription { ticks(count: 2) }')) events.push(event);
      assert.deepEqual(
        events,
        [1, 2].map((ticks) => ({ data: { ticks } })),
      );
    },
  },
];
