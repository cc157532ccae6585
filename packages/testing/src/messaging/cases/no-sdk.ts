import assert from 'node:assert/strict';
import { traceparentOf } from '../../kit/traceparent.ts';
import type { MessagingCase } from '../messaging-case.ts';
import { onWire } from '../on-wire.ts';

const FIELDS = ['traceparent', 'tracestate', 'baggage'];

export const messagingNoSdkCases: readonly MessagingCase[] = [
  {
    name: 'sends nothing of its own when no SDK is registered',
    sdk: 'none',
    async run(world) {
      await world.send('a', { kind: 'order' });
      const sent = await world.take();
      assert.equal(sent.body, 'a');
      assert.deepEqual(onWire(sent, 'kind'), ['order']);
      for (const name of FIELDS) assert.deepEqual(onWire(sent, name), [], name);
    },
  },
  {
    name: 'handles messages when no SDK is registered',
    sdk: 'none',
    async run(world) {
      await world.consume();
      await world.client.plant([{ body: 'a' }, { body: 'b', metadata: { traceparent: 'nonsense' } }]);
      assert.equal((await world.handled()).body, 'a');
      assert.equal((await world.handled()).body, 'b');
    },
  },
  {
    name: "passes a message's W3C fields on to the messages that its handler sends when no SDK is registered",
    sdk: 'none',
    async run(world) {
      const next = await world.connect({});
      await world.client.consume(async (message) => {
        await new Promise((turn) => setImmediate(turn));
        await next.send({ body: message.body });
        return world.note(message);
      });
      const metadata = { traceparent: traceparentOf(), tracestate: 'vendor=1', baggage: 'tenant=blue' };
      await world.client.plant([{ body: 'a', metadata }]);
      await world.handled();
      const sent = await next.take();
      assert.deepEqual(
        FIELDS.map((name) => onWire(sent, name)),
        Object.values(metadata).map((value) => [value]),
      );
    },
  },
  {
    name: 'leaves a traceparent that the sender set alone when no SDK is registered',
    sdk: 'none',
    async run(world) {
      await world.send('a', { traceparent: traceparentOf() });
      assert.deepEqual(onWire(await world.take(), 'traceparent'), [traceparentOf()]);
    },
  },
];
