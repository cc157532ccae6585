import assert from 'node:assert/strict';
import { SpanKind } from '@opentelemetry/api';
import { within } from '../../kit/deadline.ts';
import { assertErrorType, assertSpan } from '../../kit/trace-assertions.ts';
import type { GraphqlCase, GraphqlWorld } from '../graphql-case.ts';
import type { SubscribedEvents } from '../graphql-conformance-options.ts';

async function all(events: SubscribedEvents): Promise<unknown[]> {
  const read = async () => {
    const list: unknown[] = [];
    for await (const event of events) list.push(event);
    return list;
  };
  return within(read(), () => 'the end of a subscription');
}

/** Spans of the request or of the connection that brought the subscription. */
function forgetOthers({ spans }: GraphqlWorld): void {
  spans.reset();
}

export const subscriptionCases: readonly GraphqlCase[] = [
  {
    name: 'makes one span of a subscription, which ends with it, and keeps its context in the source and in resolvers',
    needs: ['subscriptions'],
    async run(world) {
      const events = await all(world.subscribe('subscription Clock { ticks(count: 3) }'));
      assert.deepEqual(
        events,
        [1, 2, 3].map((ticks) => ({ data: { ticks } })),
      );
      const operation = await world.operation();
      assertSpan(operation, SpanKind.SERVER, 'subscription');
      assert.equal(operation.attributes['graphql.operation.name'], 'Clock');
      assertErrorType(operation, undefined);
      const { spanId } = operation.spanContext();
      const seen = world.sightings.filter((sighting) => sighting !== 'over');
      assert.equal(seen.length, 6);
      for (const sighting of seen) assert.equal(sighting.split(' ')[1], spanId);
      assert.ok(
        !world.spans.ended().some(({ name }) => name === 'subscription'),
        'a subscription has one span',
      );
      forgetOthers(world);
    },
  },
  {
    name: 'ends the span of a subscription when the client leaves',
    needs: ['subscriptions'],
    async run(world) {
      const events = world.subscribe('subscription { ticks(count: 1000000) }');
      const read = async () => {
        for await (const event of events) {
          assert.deepEqual(event, { data: { ticks: 1 } });
          break;
        }
      };
      await within(read(), () => 'an event');
      await events.leave();
      assertErrorType(await world.operation(), undefined);
      forgetOthers(world);
    },
  },
  {
    name: 'shows the error of an event on the span of the subscription',
    needs: ['subscriptions'],
    async run(world) {
      const events = await all(world.subscribe('subscription { ticks(count: 2, failAt: 1) }'));
      assert.equal(events.length, 2);
      const operation = await world.operation();
      assertErrorType(operation, 'RangeError');
      assert.equal(operation.attributes['throughline.graphql.errors'], 1);
      forgetOthers(world);
    },
  },
];
