import assert from 'node:assert/strict';
import { assertRoot } from '../../kit/trace-assertions.ts';
import { MALFORMED_TRACEPARENTS, PAIRS_OF_TRACEPARENTS, traceparentOf } from '../../kit/traceparent.ts';
import type { RpcCase } from '../rpc-case.ts';
import type { RpcToMake } from '../rpc-under-test.ts';

/** Returns a case in which the metadata is no context: the call succeeds, in a new trace. */
function unusable(
  name: string,
  metadata: readonly NonNullable<RpcToMake['metadata']>[],
  needs: RpcCase['needs'] = [],
): RpcCase {
  return {
    name,
    needs,
    traceOptions: () => ({ client: false }),
    async run(world) {
      for (const one of metadata) {
        const answer = await world.call('unary', { metadata: one });
        assert.deepEqual(answer, { messages: ['a'], status: 'OK' });
        const server = await world.server();
        assertRoot(server);
        assert.deepEqual(server.links, []);
      }
    },
  };
}

export const rpcMetadataCases: readonly RpcCase[] = [
  unusable('serves a call without metadata in a new trace', [{}]),
  unusable(
    'serves a call with a malformed traceparent in a new trace',
    MALFORMED_TRACEPARENTS.map((traceparent) => ({ traceparent })),
  ),
  unusable(
    'serves a call with two traceparents in a new trace',
    PAIRS_OF_TRACEPARENTS.map((traceparent) => ({ traceparent })),
  ),
  unusable(
    'serves a call with two traceparents joined by a comma in a new trace',
    PAIRS_OF_TRACEPARENTS.map((pair) => ({ traceparent: pair.join(', ') })),
  ),
  {
    name: 'serves a call with oversized metadata',
    needs: ['oversized'],
    traceOptions: () => ({ client: false }),
    async run(world) {
      const metadata = {
        traceparent: traceparentOf(),
        tracestate: `a=${'b'.repeat(2_000)}`,
        baggage: `c=${'d'.repeat(4_000)}`,
      };
      assert.equal((await world.call('unary', { metadata })).status, 'OK');
      await world.server();
    },
  },
];
