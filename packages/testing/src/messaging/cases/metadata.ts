import assert from 'node:assert/strict';
import { context } from '@opentelemetry/api';
import { assertRoot } from '../../kit/trace-assertions.ts';
import {
  MALFORMED_TRACEPARENTS,
  PAIRS_OF_TRACEPARENTS,
  REMOTE,
  traceparentOf,
} from '../../kit/traceparent.ts';
import { withTenant } from '../../kit/with-tenant.ts';
import type { MessagingCase } from '../messaging-case.ts';
import type { MessageToSend } from '../messaging-client-under-test.ts';
import { assertCarries, onWire } from '../on-wire.ts';

/** Returns a case in which the metadata is no context: the message is handled once, in a new trace. */
function unusable(
  name: string,
  metadata: NonNullable<MessageToSend['metadata']>[],
  needs: MessagingCase['needs'] = [],
): MessagingCase {
  return {
    name,
    needs,
    async run(world) {
      await world.consume();
      for (const one of metadata) {
        await world.client.plant([{ body: 'a', metadata: one }]);
        const { body, last } = await world.handled();
        assert.equal(body, 'a');
        const span = await world.span('process');
        assertRoot(span);
        assert.equal(last?.traceId, span.spanContext().traceId);
        assert.deepEqual(span.links, []);
      }
    },
  };
}

export const metadataCases: readonly MessagingCase[] = [
  unusable('handles a message without metadata in a new trace', [{}]),
  unusable(
    'handles a message with a malformed traceparent in a new trace',
    MALFORMED_TRACEPARENTS.map((traceparent) => ({ traceparent })),
  ),
  unusable('handles a message with a format of others in a new trace', [
    { b3: '80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1' },
    { 'x-b3-traceid': '80f198ee56343ba864fe8b2a57d3eff7', 'x-b3-spanid': 'e457b5a2e4d86bd1' },
    { _datadog: '{"x-datadog-trace-id":"1"}' },
  ]),
  {
    name: 'handles a message with oversized metadata once',
    needs: ['oversized'],
    async run(world) {
      await world.consume();
      const oversized = { traceparent: traceparentOf(), tracestate: `a=${'b'.repeat(8_000)}` };
      await world.client.plant([
        { body: 'a', metadata: { ...oversized, baggage: `c=${'d'.repeat(8_000)}` } },
      ]);
      assert.equal((await world.handled()).body, 'a');
      await world.span('process');
    },
  },
  {
    name: 'handles a message with two traceparents once',
    needs: ['duplicates'],
    async run(world) {
      await world.consume();
      const other = traceparentOf({ ...REMOTE, spanId: 'c'.repeat(16) });
      await world.client.plant([{ body: 'a', metadata: { traceparent: [traceparentOf(), other] } }]);
      assert.equal((await world.handled()).body, 'a');
      await world.span('process');
    },
  },
  unusable(
    'handles a message with two traceparents in a new trace',
    PAIRS_OF_TRACEPARENTS.map((traceparent) => ({ traceparent })),
    ['duplicates'],
  ),
  unusable(
    'handles a message with two traceparents in different letter case in a new trace',
    PAIRS_OF_TRACEPARENTS.map(([traceparent, TraceParent]) => ({ traceparent, TraceParent })),
    ['letterCase'],
  ),
  unusable(
    'handles a message with two traceparents joined by a comma in a new trace',
    PAIRS_OF_TRACEPARENTS.map((both) => ({ traceparent: both.join(',') })),
  ),
  {
    name: 'reads metadata in any letter case',
    needs: ['letterCase'],
    async run(world) {
      await world.consume();
      await world.client.plant([{ body: 'a', metadata: { TraceParent: traceparentOf() } }]);
      assert.equal((await world.handled()).last?.traceId, REMOTE.traceId);
      await world.span('process');
    },
  },
  {
    name: 'replaces fields that are no context and that the sender left in the metadata',
    async run(world) {
      await world.send('a', { traceparent: 'nonsense', tracestate: 'stale=1' });
      const sent = await world.take();
      assertCarries(sent, await world.span('send'));
      assert.deepEqual(onWire(sent, 'tracestate'), []);
    },
  },
  {
    name: 'replaces them in any letter case',
    needs: ['letterCase'],
    async run(world) {
      await world.send('a', { TraceParent: 'nonsense' });
      assertCarries(await world.take(), await world.span('send'));
    },
  },
  {
    name: "sends the application's own metadata and body as they are, beside the context",
    async run(world) {
      await context.with(withTenant(), () => world.send('a', { tenant: 'blue', kind: 'order' }));
      const sent = await world.take();
      assert.equal(sent.body, 'a');
      assert.deepEqual(onWire(sent, 'tenant'), ['blue']);
      assert.deepEqual(onWire(sent, 'kind'), ['order']);
      assert.deepEqual(onWire(sent, 'baggage'), ['tenant=blue']);
      await world.span('send');
    },
  },
  {
    name: 'does not change the objects that it is given',
    async run(world) {
      let passed: unknown;
      let before: unknown;
      await world.client.send({ body: 'a', metadata: { kind: 'order' } }, (objects) => {
        passed = objects;
        before = structuredClone(objects);
      });
      assert.notEqual(before, undefined, 'the spec file shows what it passes');
      assert.deepEqual(passed, before);
      await world.span('send');
      await world.take();
    },
  },
];
