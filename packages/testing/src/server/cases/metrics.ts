import assert from 'node:assert/strict';
import { type Attributes, TraceFlags } from '@opentelemetry/api';
import { DURATION_BUCKETS } from '../../kit/metric-points.ts';
import { planted } from '../../kit/planted-faults.ts';
import { REMOTE, traceparentOf } from '../../kit/traceparent.ts';
import type { HttpServerCase, HttpServerWorld } from '../http-server-case.ts';

const DURATION = 'http.server.request.duration';

/** The attributes that the histogram may have; others would make an unbounded number of time series. */
const CONVENTIONAL: ReadonlySet<string> = new Set([
  'http.request.method',
  'url.scheme',
  'error.type',
  'http.response.status_code',
  'http.route',
  'network.protocol.name',
  'network.protocol.version',
]);

async function onlyPoint(world: HttpServerWorld): Promise<Attributes> {
  const points = await world.metric(DURATION);
  assert.equal(
    points.length,
    1,
    `one time series, got ${JSON.stringify(points.map((one) => one.attributes))}`,
  );
  assert.equal(points[0]?.count, 1, 'one recording');
  return points[0]?.attributes ?? {};
}

export const metricCases: readonly HttpServerCase[] = [
  {
    name: 'records the duration of each request in seconds, in the buckets of the conventions',
    async run(world) {
      for (const id of ['1', '2', '3']) {
        await world.get(`/items/${id}`);
        await world.serverSpan();
      }
      const [point, ...others] = await world.metric(DURATION);
      assert.deepEqual(others, [], 'one time series for one route');
      assert.equal(point?.unit, 's');
      assert.equal(point?.count, 3);
      assert.ok(point.sum > 0 && point.sum < 10, `seconds, got ${point.sum}`);
      assert.deepEqual(point.boundaries, DURATION_BUCKETS);
    },
  },
  {
    name: 'records the same duration as the span',
    async run(world) {
      const exchange = world.send('/streamed');
      await exchange.chunk();
      world.gate('rest').open();
      await exchange.response;
      const [seconds, nanoseconds] = (await world.serverSpan()).duration;
      const [point] = await world.metric(DURATION);
      const difference = Math.abs((point?.sum ?? 0) - (seconds + nanoseconds / 1e9));
      assert.ok(difference < 0.05, `span and metric differ by ${difference} s`);
    },
  },
  {
    name: 'splits the duration by the attributes of the conventions and no others',
    async run(world) {
      await world.get('/items/1?a=b', { headers: { host: 'shop.example:8443' } });
      await world.serverSpan();
      const attributes = await onlyPoint(world);
      assert.equal(attributes['http.request.method'], 'GET');
      assert.equal(attributes['url.scheme'], world.origin.scheme);
      assert.equal(attributes['http.response.status_code'], 200);
      assert.equal(attributes['http.route'], world.routeOf('/items/:id'));
      assert.equal(attributes['network.protocol.version'], world.protocolVersion['network.protocol.version']);
      const extra = Object.keys(attributes).filter((key) => !CONVENTIONAL.has(key));
      assert.deepEqual(extra, []);
    },
  },
  {
    name: 'counts unknown methods in one time series',
    async run(world) {
      for (const method of ['PROPFIND', 'MKCOL', 'LOCK']) {
        await world.get('/nowhere', { method });
        const span = await world.serverSpan();
        assert.equal(span.attributes['http.request.method'], '_OTHER');
      }
      const methods = (await world.metric(DURATION)).map((one) => one.attributes['http.request.method']);
      assert.deepEqual([...new Set(methods)], ['_OTHER']);
    },
  },
  {
    name: 'gives the duration the same error.type as the span',
    async run(world) {
      await world.get('/status/503');
      const span = await world.serverSpan();
      const attributes = await onlyPoint(world);
      assert.equal(attributes['error.type'], '503');
      assert.equal(attributes['error.type'], span.attributes['error.type']);
    },
  },
  {
    name: 'gives the duration of a thrown error the same error.type as the span',
    needs: ['errors'],
    async run(world) {
      await world.get('/throws');
      const span = await world.serverSpan();
      assert.equal((await onlyPoint(world))['error.type'], span.attributes['error.type']);
      assert.ok(span.attributes['error.type']);
    },
  },
  {
    name: 'gives the duration of a request whose client left no status code, and says why',
    async run(world) {
      const exchange = world.send('/held');
      await world.gate('held').passed;
      exchange.abort();
      await world.serverSpan();
      const attributes = await onlyPoint(world);
      assert.equal(attributes['http.response.status_code'], undefined);
      assert.equal(attributes['error.type'], world.errorTypes.clientDisconnected);
    },
  },
  {
    name: 'records the duration of requests that are not sampled',
    async run(world) {
      await world.get('/items/1', {
        headers: { traceparent: traceparentOf({ ...REMOTE, traceFlags: TraceFlags.NONE }) },
      });
      await world.sighted('close');
      await new Promise((turn) => setImmediate(turn));
      assert.equal((await onlyPoint(world))['http.response.status_code'], 200);
    },
  },
  {
    name: 'counts requests under way when asked to, and gives each back, however it ends',
    needs: ['activeRequests'],
    traceOptions: () => ({ activeRequests: true }),
    async run(world) {
      const underWay = async (): Promise<number> => {
        const points = await world.metric('http.server.active_requests');
        for (const { unit, attributes } of points) {
          assert.equal(unit, '{request}');
          assert.equal(attributes['http.request.method'], 'GET');
          assert.equal(attributes['url.scheme'], world.origin.scheme);
          assert.equal(attributes['http.response.status_code'], undefined);
        }
        return points.reduce((total, { sum }) => total + sum, 0);
      };
      const held = world.send('/held', { headers: { 'x-request': 'held' } });
      const left = world.send('/held', { headers: { 'x-request': 'left' } });
      for (const request of ['held', 'left']) await world.sighted('handler', request);
      assert.equal(await underWay(), 2);
      left.abort();
      await world.serverSpan();
      assert.equal(await underWay(), 1);
      world.gate('release').open();
      await held.response;
      await world.serverSpan();
      assert.equal(await underWay(), 0);
    },
  },
  {
    name: 'counts no requests under way unless asked to',
    async run(world) {
      await world.get('/items/1');
      await world.serverSpan();
      assert.deepEqual(await world.metric('http.server.active_requests'), []);
    },
  },
  {
    name: 'serves on when the meter provider throws',
    meterProvider: () => ({ getMeter: planted('the meter provider') }),
    async run(world) {
      assert.equal((await world.get('/items/1')).status, 200);
      await world.serverSpan();
    },
  },
];
