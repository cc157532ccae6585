import assert from 'node:assert/strict';
import { context, propagation, ROOT_CONTEXT, SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import { assertConnectedTrace, assertParent } from '../../kit/trace-assertions.ts';
import { REMOTE, remoteCaller, traceparentOf } from '../../kit/traceparent.ts';
import { withTenant } from '../../kit/with-tenant.ts';
import type { MessagingCase } from '../messaging-case.ts';
import { assertCarries, onWire } from '../on-wire.ts';

export const messagePropagationCases: readonly MessagingCase[] = [
  {
    name: 'makes one connected trace of sender, message and handler',
    async run(world) {
      await world.client.consume(async (message) => {
        await new Promise((next) => setImmediate(next));
        trace.getTracer('application').startSpan('work').end();
        return world.note(message);
      });
      const [, caller] = await world.inSpan(() => world.send('a'));
      const handled = await world.handled();
      const process = await world.span('process');
      const send = await world.span('send');
      const work = await world.spans.take(({ name }) => name === 'work');
      assertConnectedTrace([caller, send, process, work]);
      assertParent(send, caller);
      assertParent(process, send);
      assertParent(work, process);
      assert.equal(handled.last?.spanId, process.spanContext().spanId);
    },
  },
  {
    name: 'writes exactly one traceparent, which names the span of the send',
    async run(world) {
      await world.inSpan(() => world.send('a'));
      assertCarries(await world.take(), await world.span('send'));
    },
  },
  {
    name: 'starts a trace when no span is active',
    async run(world) {
      await world.send('a');
      const send = await world.span('send');
      assert.equal(send.parentSpanContext, undefined);
      assertCarries(await world.take(), send);
    },
  },
  {
    name: 'carries tracestate and baggage to the handler',
    async run(world) {
      await world.consume();
      const remote = propagation.extract(ROOT_CONTEXT, {
        traceparent: traceparentOf(),
        tracestate: 'vendor=1',
      });
      await context.with(withTenant(remote), () => world.send('a'));
      const handled = await world.handled();
      assert.equal(handled.tenant, 'blue');
      assert.equal(handled.last?.traceState?.serialize(), 'vendor=1');
      await world.span('send');
      await world.span('process');
    },
  },
  {
    name: 'keeps the baggage of a message that is sent, whose entries win over those of the context',
    async run(world) {
      await world.send('a', { baggage: 'mine=1' });
      assert.deepEqual(onWire(await world.take(), 'baggage'), ['mine=1'], 'without baggage in the context');
      await context.with(withTenant(ROOT_CONTEXT), () => world.send('b', { baggage: 'mine=1,tenant=own' }));
      assert.deepEqual(onWire(await world.take(), 'baggage'), ['mine=1,tenant=own'], 'an entry of both');
      await context.with(withTenant(ROOT_CONTEXT), () => world.send('c', { baggage: 'mine=1' }));
      const merged = onWire(await world.take(), 'baggage')
        .join(',')
        .split(',')
        .sort();
      assert.deepEqual(merged, ['mine=1', 'tenant=blue']);
      for (let sent = 0; sent < 3; sent++) await world.span('send');
    },
  },
  {
    name: 'carries an unsampled context to the handler and records nothing',
    async run(world) {
      await world.consume();
      const unsampled = { ...REMOTE, traceFlags: TraceFlags.NONE };
      await context.with(trace.setSpanContext(ROOT_CONTEXT, unsampled), () => world.send('a'));
      const { last } = await world.handled();
      assert.equal(last?.traceId, REMOTE.traceId);
      assert.equal(last.traceFlags, TraceFlags.NONE);
    },
  },
  {
    name: 'keeps the context of a handler active through promises and timers',
    async run(world) {
      await world.consume();
      await world.client.plant([{ body: 'a', metadata: { traceparent: traceparentOf() } }]);
      const { first, last } = await world.handled();
      const process = await world.span('process');
      assertParent(process, REMOTE);
      assert.equal(first?.spanId, process.spanContext().spanId);
      assert.equal(last?.spanId, process.spanContext().spanId);
    },
  },
  {
    name: 'keeps 20 messages apart that are handled at the same time',
    async run(world) {
      await world.consume();
      const bodies = Array.from({ length: 20 }, (_, n) => String(n));
      await world.client.plant(
        bodies.map((body) => ({
          body,
          metadata: { traceparent: traceparentOf(remoteCaller(Number(body))) },
        })),
      );
      for (const _ of bodies) {
        const { body, last } = await world.handled();
        assert.equal(last?.traceId, remoteCaller(Number(body)).traceId);
        await world.span('process');
      }
    },
  },
  {
    name: 'keeps a creation context that the message holds already, and links the send to it',
    async run(world) {
      await world.inSpan(() => world.send('a', { traceparent: traceparentOf() }));
      assert.deepEqual(onWire(await world.take(), 'traceparent'), [traceparentOf()]);
      const send = await world.span('send');
      assert.equal(send.kind, SpanKind.CLIENT);
      assert.deepEqual(
        send.links.map((link) => link.context.spanId),
        [REMOTE.spanId],
      );
    },
  },
];
