import assert from 'node:assert/strict';
import { assertLinks, assertParent, assertRoot } from '../../kit/trace-assertions.ts';
import { REMOTE, traceparentOf } from '../../kit/traceparent.ts';
import type { RpcCase, RpcWorld } from '../rpc-case.ts';
import type { RpcServerTraceOptions } from '../rpc-conformance-options.ts';

const METADATA = { traceparent: traceparentOf(), baggage: 'tenant=blue' };

/** Makes a call of a remote caller, and returns its SERVER span and the baggage that its handler saw. */
async function served(world: RpcWorld) {
  world.handle(async function* () {
    world.see('handler');
    yield '';
  });
  await world.call('unary', { metadata: METADATA });
  return { server: await world.server(), tenant: world.sightings[0]?.tenant };
}

const trusting = (
  name: string,
  trust: NonNullable<RpcServerTraceOptions['trust']>,
  run: RpcCase['run'],
): RpcCase => ({ name, traceOptions: () => ({ client: false, server: { trust } }), run });

export const rpcTrustCases: readonly RpcCase[] = [
  trusting(
    'starts a trace that links to the caller and drops its baggage, asked to restart',
    'restart',
    async (world) => {
      const { server, tenant } = await served(world);
      assertRoot(server);
      assertLinks(server, [REMOTE]);
      assert.equal(tenant, undefined);
    },
  ),
  trusting('takes nothing of the caller, asked to ignore it', 'ignore', async (world) => {
    const { server, tenant } = await served(world);
    assertRoot(server);
    assertLinks(server, []);
    assert.equal(tenant, undefined);
  }),
  trusting(
    'continues the trace of the caller without its baggage, as a function decides',
    ({ method }) => ({ parent: method === '' ? 'ignore' : 'continue', baggage: 'drop' }),
    async (world) => {
      const { server, tenant } = await served(world);
      assertParent(server, REMOTE);
      assert.equal(tenant, undefined);
    },
  ),
];
