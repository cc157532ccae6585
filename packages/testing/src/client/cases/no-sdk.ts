import assert from 'node:assert/strict';
import { headerValues } from '../../kit/origin-server.ts';
import { traceparentOf } from '../../kit/traceparent.ts';
import { arrival } from '../arrival.ts';
import type { HttpClientCase } from '../http-client-case.ts';

export const clientNoSdkCases: readonly HttpClientCase[] = [
  {
    name: 'throws nothing, changes nothing and sends nothing of its own when no SDK is registered',
    sdk: 'none',
    async run(world) {
      assert.equal(await world.read('/echo', { method: 'POST', body: 'x' }), 'POST x');
      const call = await arrival(world);
      for (const name of ['traceparent', 'tracestate', 'baggage']) {
        assert.deepEqual(headerValues(call, name), [], name);
      }
      await assert.rejects(world.call('/reset'));
    },
  },
  {
    name: "leaves the caller's own traceparent alone when no SDK is registered",
    sdk: 'none',
    async run(world) {
      await world.read('/ok', { headers: { traceparent: traceparentOf() } });
      assert.deepEqual(headerValues(await arrival(world), 'traceparent'), [traceparentOf()]);
    },
  },
];
