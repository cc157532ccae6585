import assert from 'node:assert/strict';
import { context, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api';
import { DURATION_BUCKETS } from '../../kit/metric-points.ts';
import { REMOTE } from '../../kit/traceparent.ts';
import type { HttpClientCase } from '../http-client-case.ts';

const DURATION = 'http.client.request.duration';

/** The attributes that the histogram may have; others would make an unbounded number of time series. */
const CONVENTIONAL: ReadonlySet<string> = new Set([
  'http.request.method',
  'server.address',
  'server.port',
  'error.type',
  'http.response.status_code',
  'network.protocol.name',
  'network.protocol.version',
]);

export const clientMetricCases: readonly HttpClientCase[] = [
  {
    name: 'records the duration of each call in seconds, in the buckets and by the attributes of the conventions',
    needs: ['metrics'],
    async run(world) {
      for (const n of [1, 2, 3]) {
        await world.read(`/ok?n=${n}`);
        await world.clientSpan();
      }
      const [point, ...others] = await world.metric(DURATION);
      assert.deepEqual(others, [], 'one time series for one host');
      assert.equal(point?.unit, 's');
      assert.equal(point?.count, 3);
      assert.ok(point.sum > 0 && point.sum < 10, `seconds, got ${point.sum}`);
      assert.deepEqual(point.boundaries, DURATION_BUCKETS);
      assert.equal(point.attributes['http.request.method'], 'GET');
      assert.equal(point.attributes['server.address'], '127.0.0.1');
      assert.equal(point.attributes['server.port'], world.origin.port);
      assert.equal(point.attributes['http.response.status_code'], 200);
      assert.deepEqual(
        Object.keys(point.attributes).filter((key) => !CONVENTIONAL.has(key)),
        [],
      );
    },
  },
  {
    name: 'gives the duration the same error.type as the span',
    needs: ['metrics'],
    async run(world) {
      await world.read('/status/503');
      const answered = await world.clientSpan();
      await assert.rejects(world.call('/reset'));
      const reset = await world.clientSpan();
      const types = (await world.metric(DURATION)).map(({ attributes }) => attributes['error.type']);
      assert.deepEqual(
        new Set(types),
        new Set([answered.attributes['error.type'], reset.attributes['error.type']]),
      );
      assert.ok(types.every((type) => type !== undefined));
    },
  },
  {
    name: 'records the duration of calls that are not sampled',
    needs: ['metrics'],
    async run(world) {
      const parent = { ...REMOTE, traceFlags: TraceFlags.NONE };
      await context.with(trace.setSpanContext(ROOT_CONTEXT, parent), () => world.read('/ok'));
      assert.equal((await world.metric(DURATION))[0]?.count, 1);
    },
  },
];
