import assert from 'node:assert/strict';
import { traceparentOf } from '../../kit/traceparent.ts';
import type { SocketCase } from '../socket-case.ts';

const BODY = '{"kind":"order"}';
const FIELDS = { traceparent: traceparentOf(), tracestate: 'vendor=1', baggage: 'tenant=blue' };

export const socketNoSdkCases: readonly SocketCase[] = [
  {
    name: 'sends nothing of its own when no SDK is registered',
    needs: ['raw'],
    sdk: 'none',
    async run(world) {
      const peer = await world.sockets.connectBare();
      const { side } = await world.seen('connected');
      await side?.send(BODY);
      assert.equal((await peer.received()).raw, BODY);
    },
  },
  {
    name: 'delivers messages when no SDK is registered',
    sdk: 'none',
    async run(world) {
      const peer = await world.sockets.connect();
      await peer.send(BODY);
      assert.equal((await world.seen('served')).body, BODY);
    },
  },
  {
    name: "passes a message's W3C fields on to the messages that its listener sends when no SDK is registered",
    sdk: 'none',
    traceOptions: () => ({ server: { baggageTo: 'all' } }),
    async run(world) {
      const peer = await world.sockets.connectBare();
      world.listeners.served = (body, side) => side.send(body);
      await peer.send(BODY, FIELDS);
      assert.equal((await world.seen('served')).body, BODY);
      assert.deepEqual((await peer.received()).fields, FIELDS);
    },
  },
];
