import assert from 'node:assert/strict';
import { withTenant } from '../../kit/with-tenant.ts';
import type { RpcCase, RpcWorld } from '../rpc-case.ts';
import { needsOf, RPC_KINDS } from '../rpc-under-test.ts';

/** Asserts that one span was active at all places, and returns their names. */
function assertActive(world: RpcWorld, spanId: string): string[] {
  for (const { place, span } of world.sightings)
    assert.equal(span?.spanId, spanId, `the active span at ${place}`);
  return world.sightings.map(({ place }) => place);
}

export const rpcContextCases: readonly RpcCase[] = [
  ...RPC_KINDS.map(
    (kind): RpcCase => ({
      name: `keeps the context of a call active in its handler, after awaits, and while it reads and writes (${kind})`,
      needs: needsOf(kind),
      async run(world) {
        world.handle(async function* ({ messages }) {
          world.see('the start of the handler');
          for await (const message of messages) {
            world.see('a message');
            await new Promise((next) => setTimeout(next, 1));
            world.see('a timer');
            yield message;
            await new Promise((next) => setImmediate(next));
          }
          world.see('the end of the messages');
        });
        const { status } = await world.call(kind, { messages: kind === 'bidi' ? ['a', 'b', 'c'] : ['a'] });
        assert.equal(status, 'OK');
        await world.client();
        const server = await world.server();
        const places = assertActive(world, server.spanContext().spanId);
        assert.ok(places.length >= 3, `seen at ${places.join(', ')}`);
      },
    }),
  ),
  {
    name: "keeps the context of a call active in the listeners of the server's stream",
    needs: ['listeners', 'bidi'],
    async run(world) {
      world.handle(async function* ({ messages, listen }) {
        listen?.((event) => world.see(event));
        for await (const message of messages) yield message;
      });
      await world.call('bidi', { messages: ['a', 'b'] });
      await world.client();
      const places = assertActive(world, (await world.server()).spanContext().spanId);
      assert.ok(places.includes('data') && places.includes('end'), `seen at ${places.join(', ')}`);
    },
  },
  {
    name: 'keeps the context of a call active in the listeners of its cancellation',
    needs: ['listeners', 'bidi'],
    async run(world) {
      const cancel = new AbortController();
      let heard = () => {};
      const cancelled = new Promise<void>((resolve) => {
        heard = resolve;
      });
      world.handle(async function* ({ listen }) {
        listen?.((event) => {
          world.see(event);
          if (event === 'cancelled') heard();
        });
        cancel.abort();
        await cancelled;
        yield '';
      });
      await world.call('bidi', { signal: cancel.signal });
      await world.client();
      const places = assertActive(world, (await world.server()).spanContext().spanId);
      assert.ok(places.includes('cancelled'), `seen at ${places.join(', ')}`);
    },
  },
  {
    name: "calls the client's callbacks and listeners in the context in which the call was made",
    needs: ['clientListeners'],
    async run(world) {
      const { kinds } = world;
      // The connection is made outside, so that nothing of it has the caller's context by itself.
      await world.call('unary');
      await world.spans.takeMany(2);
      const [, caller] = await world.inSpan(async () => {
        for (const kind of kinds)
          await world.call(kind, {
            see: (event) => world.see(`${kind} ${event}`),
          });
      }, withTenant);
      assertActive(world, caller.spanContext().spanId);
      for (const kind of kinds)
        assert.ok(
          world.sightings.some(({ place, tenant }) => place.startsWith(kind) && tenant === 'blue'),
          `${kind} was seen`,
        );
      for (const _ of kinds) {
        await world.client();
        await world.server();
      }
    },
  },
];
