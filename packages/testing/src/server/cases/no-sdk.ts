import assert from 'node:assert/strict';
import { headerValues, type OriginServer, startOriginServer } from '../../kit/origin-server.ts';
import { PAIRS_OF_TRACEPARENTS, remoteCaller, traceparentOf } from '../../kit/traceparent.ts';
import type { HttpServerCase, HttpServerWorld } from '../http-server-case.ts';

async function withOrigin(body: (origin: OriginServer) => Promise<void>): Promise<void> {
  const origin = await startOriginServer();
  try {
    await body(origin);
  } finally {
    await origin.close();
  }
}

async function forward(
  world: HttpServerWorld,
  origin: OriginServer,
  headers: Record<string, string | string[]>,
): Promise<void> {
  const { status } = await world.get('/outgoing', {
    headers: { ...headers, 'x-target': `${origin.url}/ok` },
  });
  assert.equal(status, 200);
}

export const noSdkCases: readonly HttpServerCase[] = [
  {
    name: 'throws nothing and changes no response when no SDK is registered',
    sdk: 'none',
    async run(world) {
      const { status, text } = await world.get('/items/7', { headers: { traceparent: traceparentOf() } });
      assert.equal(`${status} ${text}`, '200 {"id":"7"}');
      assert.equal((await world.get('/status/500')).status, 500);
      assert.equal((await world.get('/nowhere')).status, 404);
    },
  },
  {
    name: 'passes traceparent, tracestate and baggage on to outgoing calls byte for byte',
    sdk: 'none',
    needs: ['noSdk', 'fetch'],
    run: (world) =>
      withOrigin(async (origin) => {
        const headers = {
          traceparent: traceparentOf(),
          tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
          baggage: 'tenant=blue;meta=1,user=a%2Cb',
        };
        await forward(world, origin, headers);
        const [call] = await origin.arrived(1);
        assert.ok(call);
        for (const [name, value] of Object.entries(headers)) {
          assert.deepEqual(headerValues(call, name), [value], name);
        }
      }),
  },
  {
    name: 'passes nothing on when nothing came in',
    sdk: 'none',
    needs: ['fetch'],
    run: (world) =>
      withOrigin(async (origin) => {
        await forward(world, origin, {});
        const [call] = await origin.arrived(1);
        assert.ok(call);
        for (const name of ['traceparent', 'tracestate', 'baggage']) {
          assert.deepEqual(headerValues(call, name), [], name);
        }
      }),
  },
  {
    name: 'passes no malformed traceparent on',
    sdk: 'none',
    needs: ['fetch'],
    run: (world) =>
      withOrigin(async (origin) => {
        await forward(world, origin, { traceparent: '00-nonsense-01' });
        const [call] = await origin.arrived(1);
        assert.ok(call);
        assert.deepEqual(headerValues(call, 'traceparent'), []);
      }),
  },
  {
    name: 'passes none of several traceparents on when no SDK is registered',
    sdk: 'none',
    needs: ['fetch'],
    run: (world) =>
      withOrigin(async (origin) => {
        for (const traceparent of PAIRS_OF_TRACEPARENTS)
          await forward(world, origin, { traceparent: [...traceparent] });
        for (const call of await origin.arrived(PAIRS_OF_TRACEPARENTS.length))
          assert.deepEqual(headerValues(call, 'traceparent'), []);
      }),
  },
  {
    name: 'keeps 50 concurrent requests apart when no SDK is registered',
    sdk: 'none',
    needs: ['noSdk', 'fetch'],
    run: (world) =>
      withOrigin(async (origin) => {
        const target = (n: number): string => `${origin.url}/ok?n=${n}`;
        await Promise.all(
          Array.from({ length: 50 }, (_, n) =>
            world.get('/outgoing', {
              headers: { traceparent: traceparentOf(remoteCaller(n)), 'x-target': target(n) },
            }),
          ),
        );
        for (const call of await origin.arrived(50)) {
          const n = Number(new URL(call.target, origin.url).searchParams.get('n'));
          assert.deepEqual(headerValues(call, 'traceparent'), [traceparentOf(remoteCaller(n))]);
        }
      }),
  },
];
