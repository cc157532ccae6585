import assert from 'node:assert/strict';
import { DURATION_BUCKETS } from '../../kit/metric-points.ts';
import type { RpcCase, RpcWorld } from '../rpc-case.ts';
import { RpcFailure } from '../rpc-under-test.ts';

/** Asserts one histogram of one call, with these attributes and no others. */
async function assertDuration(
  world: RpcWorld,
  name: string,
  expected: Record<string, unknown>,
): Promise<void> {
  const [point, ...others] = await world.metric(name);
  assert.deepEqual(others, [], `one time series of ${name}`);
  assert.equal(point?.count, 1);
  assert.equal(point.unit, 's');
  assert.deepEqual(point.boundaries, DURATION_BUCKETS);
  assert.ok(point.sum > 0 && point.sum < 10, `seconds, got ${point.sum}`);
  assert.deepEqual(point.attributes, expected);
}

const defined = (attributes: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));

export const rpcMetricCases: readonly RpcCase[] = [
  {
    name: 'measures a call on both sides, by the conventions',
    async run(world) {
      const { methods, system, statusCode } = world.options;
      await world.call('serverStream');
      const [client, server] = [await world.client(), await world.server()];
      const shared = defined({
        'rpc.system.name': system,
        'rpc.method': methods.serverStream,
        'rpc.status_code': statusCode('OK'),
      });
      await assertDuration(world, 'rpc.client.call.duration', {
        ...shared,
        'server.address': '127.0.0.1',
        'server.port': client.attributes['server.port'],
      });
      await assertDuration(world, 'rpc.server.call.duration', shared);
      assert.ok(server);
    },
  },
  {
    name: 'measures a call that failed with its status as error.type, where that is an error of the side',
    async run(world) {
      const { methods, system, statusCode } = world.options;
      // biome-ignore lint/correctness/useYield: it fails instead
      world.handle(async function* () {
        throw new RpcFailure('NOT_FOUND');
      });
      await world.call('unary');
      const client = await world.client();
      const shared = {
        'rpc.system.name': system,
        'rpc.method': methods.unary,
        'rpc.status_code': statusCode('NOT_FOUND'),
      };
      await assertDuration(world, 'rpc.client.call.duration', {
        ...shared,
        'error.type': statusCode('NOT_FOUND'),
        'server.address': '127.0.0.1',
        'server.port': client.attributes['server.port'],
      });
      await world.server();
      await assertDuration(world, 'rpc.server.call.duration', shared);
    },
  },
];
