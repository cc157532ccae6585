import assert from 'node:assert/strict';
import { trace } from '@opentelemetry/api';
import { assertErrorType, assertLinks, assertParent, assertRoot } from '../../kit/trace-assertions.ts';
import {
  MALFORMED_TRACEPARENTS,
  PAIRS_OF_TRACEPARENTS,
  REMOTE,
  traceparentOf,
} from '../../kit/traceparent.ts';
import { openedBare } from '../opened.ts';
import type { SocketCase, SocketWorld } from '../socket-case.ts';
import type { BareHandshake } from '../sockets-under-test.ts';

/** Opens a socket whose handshake brings no usable context: it opens all the same, in a new trace. */
async function opensInNewTrace(world: SocketWorld, handshake: BareHandshake): Promise<void> {
  const { server, peer } = await openedBare(world, handshake);
  assertRoot(server);
  assert.deepEqual(server.links, []);
  await peer.close();
}

export const handshakeCases: readonly SocketCase[] = [
  {
    name: 'makes one SERVER span of a handshake, which continues its headers and ends while the socket is open',
    async run(world) {
      const { server, connected } = await openedBare(world, { headers: { traceparent: traceparentOf() } });
      assertParent(server, REMOTE);
      assertErrorType(server, undefined);
      assert.equal(server.attributes['http.response.status_code'], world.options.status);
      assert.equal(connected.first?.spanId, server.spanContext().spanId, 'active when a socket connects');
      assert.equal(connected.last?.spanId, server.spanContext().spanId, 'and after that');
    },
  },
  {
    name: 'connects the handshake of a traced client with its server',
    async run(world) {
      const [, caller] = await world.inSpan(() => world.sockets.connect());
      const client = await world.clientHandshake();
      const server = await world.handshake();
      if (client !== undefined) assertParent(client, caller);
      assertParent(server, client ?? caller);
      await world.seen('connected');
    },
  },
  {
    name: 'makes a CLIENT span of the handshake of a traced client, with its status',
    needs: ['clientSpan'],
    async run(world) {
      await world.sockets.connect();
      const client = await world.clientHandshake();
      assert.equal(client?.attributes['http.response.status_code'], world.options.status);
      await world.handshake();
      await world.seen('connected');
    },
  },
  {
    name: 'starts a trace for a handshake without headers',
    run: (world) => opensInNewTrace(world, {}),
  },
  {
    name: 'starts a trace for a handshake with a malformed traceparent, and opens the socket',
    async run(world) {
      for (const traceparent of MALFORMED_TRACEPARENTS)
        await opensInNewTrace(world, { headers: { traceparent } });
    },
  },
  {
    name: 'starts a trace for a handshake with two traceparents, and opens the socket',
    needs: ['repeatedHeaders'],
    async run(world) {
      for (const traceparent of PAIRS_OF_TRACEPARENTS)
        await opensInNewTrace(world, { headers: { traceparent } });
    },
  },
  {
    name: 'opens a socket whose handshake brings an oversized context',
    async run(world) {
      const headers = { traceparent: traceparentOf(), tracestate: `a=${'b'.repeat(8_000)}` };
      const { server } = await openedBare(world, { headers });
      assertParent(server, REMOTE);
      assert.equal(server.spanContext().traceState?.get('a'), undefined);
    },
  },
  {
    name: 'ends the span of a refused handshake with the status that was sent',
    needs: ['refuse'],
    async run(world) {
      await assert.rejects(world.sockets.connectBare({ refused: true }));
      const server = await world.handshake();
      const status = Number(server.attributes['http.response.status_code']);
      assert.ok(status >= 400 && status < 500, `got ${status}`);
    },
  },
  {
    name: 'reads no context from the URL unless asked to',
    async run(world) {
      assertRoot((await openedBare(world, { query: { traceparent: traceparentOf() } })).server);
    },
  },
  {
    name: 'reads the trace from the URL, and never baggage, when asked to',
    traceOptions: () => ({ server: { contextFromQuery: true } }),
    async run(world) {
      const query = { traceparent: traceparentOf(), tracestate: 'vendor=1', baggage: 'tenant=blue' };
      const { server, connected } = await openedBare(world, { query });
      assertParent(server, REMOTE);
      assert.equal(server.spanContext().traceState?.serialize(), 'vendor=1');
      assert.equal(connected.tenant, undefined);
    },
  },
  {
    name: 'prefers the headers of a handshake to its URL',
    traceOptions: () => ({ server: { contextFromQuery: true } }),
    async run(world) {
      const { server } = await openedBare(world, {
        headers: { traceparent: traceparentOf() },
        query: { traceparent: traceparentOf({ ...REMOTE, traceId: 'c'.repeat(32) }) },
      });
      assertParent(server, REMOTE);
    },
  },
  {
    name: 'starts a trace that links to the caller when it is asked to restart',
    traceOptions: () => ({ server: { trust: 'restart' } }),
    async run(world) {
      const headers = { traceparent: traceparentOf(), baggage: 'tenant=blue' };
      const { server, connected } = await openedBare(world, { headers });
      assertRoot(server);
      assertLinks(server, [REMOTE]);
      assert.equal(connected.tenant, undefined);
    },
  },
  {
    name: 'gives the baggage of a handshake to the events of its socket',
    async run(world) {
      const { connected, peer } = await openedBare(world, { headers: { baggage: 'tenant=blue' } });
      assert.equal(connected.tenant, 'blue');
      await peer.close();
      assert.equal((await world.seen('closed')).tenant, 'blue');
    },
  },
  {
    name: 'runs the end of a socket in the context of its handshake',
    async run(world) {
      const { peer, server } = await openedBare(world);
      await peer.close();
      const { first, last } = await world.seen('closed');
      assert.equal(first?.spanId, server.spanContext().spanId);
      assert.equal(last?.spanId, server.spanContext().spanId);
      assert.equal(trace.getActiveSpan(), undefined);
    },
  },
];
