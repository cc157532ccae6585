import assert from 'node:assert/strict';
import { traceparentOf } from '../../kit/traceparent.ts';
import type { RpcCase } from '../rpc-case.ts';

const FIELDS = ['traceparent', 'tracestate', 'baggage'];

export const rpcNoSdkCases: readonly RpcCase[] = [
  {
    name: 'answers every call and sends nothing of its own when no SDK is registered',
    sdk: 'none',
    async run(world) {
      const sent: (readonly string[])[] = [];
      world.handle(async function* ({ messages, metadata }) {
        sent.push(...FIELDS.map(metadata));
        for await (const message of messages) yield message;
      });
      for (const kind of world.kinds)
        assert.deepEqual(await world.call(kind), { messages: ['a'], status: 'OK' });
      assert.deepEqual(sent.flat(), []);
    },
  },
  {
    name: "passes a caller's W3C fields on to the calls of the handler when no SDK is registered",
    sdk: 'none',
    async run(world) {
      const next = await world.connect({});
      let served = 0;
      let sent: (readonly string[])[] = [];
      world.handle(async function* ({ messages, metadata }) {
        await new Promise((turn) => setImmediate(turn));
        if (++served === 1) await next.call({ kind: 'unary', messages: ['b'] });
        else sent = FIELDS.map(metadata);
        for await (const message of messages) yield message;
      });
      const metadata = { traceparent: traceparentOf(), tracestate: 'vendor=1', baggage: 'tenant=blue' };
      assert.equal((await world.call('unary', { metadata })).status, 'OK');
      assert.deepEqual(
        sent,
        Object.values(metadata).map((value) => [value]),
      );
    },
  },
];
