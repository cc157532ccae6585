import assert from 'node:assert/strict';
import { assertLinks, assertParent, assertRoot } from '../../kit/trace-assertions.ts';
import { REMOTE, traceparentOf } from '../../kit/traceparent.ts';
import { opened, openedBare } from '../opened.ts';
import type { SocketCase } from '../socket-case.ts';

const BODY = '{"kind":"order"}';

export const lastingSocketCases: readonly SocketCase[] = [
  {
    name: 'starts a trace that links to the handshake for each message without a context',
    async run(world) {
      const { peer, server } = await openedBare(world, { headers: { traceparent: traceparentOf() } });
      const traces = new Set([REMOTE.traceId]);
      for (let n = 0; n < 3; n++) {
        await peer.send(BODY);
        await world.seen('served');
        const span = await world.message('process');
        assertRoot(span);
        assertLinks(span, [server.spanContext()]);
        traces.add(span.spanContext().traceId);
      }
      assert.equal(traces.size, 4);
    },
  },
  {
    name: 'starts a trace that links to the handshake for what the events of a socket send',
    async run(world) {
      world.listeners.connected = (side) => void side.send(BODY);
      const { server } = await openedBare(world, { headers: { traceparent: traceparentOf() } });
      const span = await world.message('send');
      assertRoot(span);
      assertLinks(span, [server.spanContext()]);
    },
  },
  {
    name: 'keeps messages without a context in the trace of the handshake, with relation parent',
    traceOptions: () => ({ server: { messages: { relation: 'parent' } } }),
    async run(world) {
      world.listeners.connected = (side) => void side.send(BODY);
      const { peer, server } = await openedBare(world);
      assertParent(await world.message('send'), server);
      await peer.send(BODY);
      await world.seen('served');
      assertParent(await world.message('process'), server);
    },
  },
  {
    name: 'only links to what a message carries, with relation link',
    traceOptions: () => ({ server: { messages: { relation: 'link' } } }),
    async run(world) {
      const { peer, server } = await openedBare(world);
      await peer.send(BODY, { traceparent: traceparentOf() });
      await world.seen('served');
      const span = await world.message('process');
      assertRoot(span);
      assertLinks(span, [REMOTE, server.spanContext()]);
    },
  },
  {
    name: 'trusts the messages of a socket as its handshake',
    traceOptions: () => ({ server: { trust: 'restart' } }),
    async run(world) {
      const { peer } = await openedBare(world);
      await peer.send(BODY, { traceparent: traceparentOf(), baggage: 'tenant=blue' });
      assert.equal((await world.seen('served')).tenant, undefined);
      const span = await world.message('process');
      assertRoot(span);
      assert.ok(span.links.some((link) => link.context.spanId === REMOTE.spanId));
    },
  },
  {
    name: 'takes nothing of the messages of a socket whose handshake it is asked to ignore',
    traceOptions: () => ({ server: { trust: 'ignore' } }),
    async run(world) {
      const { peer, server } = await openedBare(world, { headers: { traceparent: traceparentOf() } });
      assertRoot(server);
      assertLinks(server, []);
      await peer.send(BODY, { traceparent: traceparentOf(), baggage: 'tenant=blue' });
      assert.equal((await world.seen('served')).tenant, undefined);
      const span = await world.message('process');
      assertRoot(span);
      assertLinks(span, [server.spanContext()]);
    },
  },
  {
    name: 'opens a socket again in a trace of its own',
    async run(world) {
      const first = await opened(world);
      await first.peer.close();
      await world.seen('closed');
      const second = await opened(world);
      assert.notEqual(first.server.spanContext().traceId, second.server.spanContext().traceId);
      await second.peer.send(BODY);
      await world.seen('served');
      assertParent(await world.message('process'), await world.message('send'));
    },
  },
];
