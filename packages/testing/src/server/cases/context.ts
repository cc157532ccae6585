import assert from 'node:assert/strict';
import { SpanKind } from '@opentelemetry/api';
import { headerValues, startOriginServer } from '../../kit/origin-server.ts';
import { assertParent } from '../../kit/trace-assertions.ts';
import { remoteCaller, traceparentOf } from '../../kit/traceparent.ts';
import type { HttpServerCase, HttpServerWorld } from '../http-server-case.ts';
import type { WireRequest } from '../wire.ts';

/** Sends the request, takes its span, and asserts that each label was seen with that span active. */
async function assertSighted(
  world: HttpServerWorld,
  path: string,
  request: WireRequest,
  labels: readonly string[],
): Promise<void> {
  const { status } = await world.get(path, {
    ...request,
    headers: { ...request.headers, traceparent: traceparentOf(), baggage: 'tenant=blue' },
  });
  assert.equal(status, 200);
  const span = await world.serverSpan();
  for (const label of labels) {
    const sighting = await world.sighted(label);
    assert.equal(sighting.spanContext?.spanId, span.spanContext().spanId, `active span in '${label}'`);
    assert.deepEqual(sighting.baggage, { tenant: 'blue' }, `baggage in '${label}'`);
  }
}

const BYTES = { 'content-type': 'application/octet-stream' };

export const contextCases: readonly HttpServerCase[] = [
  {
    name: 'keeps the context across awaits, timers and microtasks',
    run: (world) =>
      assertSighted(world, '/waits', {}, [
        'await',
        'setTimeout',
        'setImmediate',
        'nextTick',
        'queueMicrotask',
      ]),
  },
  {
    name: 'keeps the context after the framework has parsed the body',
    run: (world) =>
      assertSighted(
        world,
        '/echo',
        { method: 'POST', headers: { 'content-type': 'application/json' }, body: ['{"a":', '1}'] },
        ['handler'],
      ),
  },
  {
    name: "keeps the context in req.on('data') and req.on('end') listeners",
    needs: ['nodeServer'],
    run: (world) =>
      assertSighted(world, '/listeners', { method: 'POST', headers: BYTES, body: ['first', 'last'] }, [
        'data',
        'end',
      ]),
  },
  {
    name: 'keeps the context in the callback of stream.pipeline',
    needs: ['nodeServer'],
    run: (world) =>
      assertSighted(world, '/pipeline', { method: 'POST', headers: BYTES, body: ['first', 'last'] }, [
        'pipeline',
      ]),
  },
  {
    name: "keeps the context in res.on('finish') and res.on('close') listeners",
    needs: ['nodeServer'],
    run: (world) => assertSighted(world, '/items/1', {}, ['finish', 'close']),
  },
  {
    name: 'keeps the context while a streamed body is produced',
    needs: ['streamContext'],
    async run(world) {
      world.gate('rest').open();
      await assertSighted(world, '/streamed', {}, ['stream']);
    },
  },
  {
    name: 'lets listeners be removed and once-listeners fire once',
    needs: ['nodeServer'],
    async run(world) {
      const { text } = await world.get('/detaches', { method: 'POST', headers: BYTES, body: ['a', 'b'] });
      await world.serverSpan();
      assert.equal(text, 'once 1');
    },
  },
  {
    name: 'leaves no context active outside the request',
    async run(world) {
      const client = world.keepAlive();
      for (const request of ['1', '2', '3']) {
        await client.send('/items/1', { headers: { 'x-request': request } }).response;
        await world.serverSpan();
        const { spanContext } = await world.sighted('outside', request);
        assert.equal(spanContext, undefined, `request ${request} arrived in a context that holds a span`);
      }
    },
  },
  {
    name: 'keeps requests on one kept-alive connection apart',
    async run(world) {
      const client = world.keepAlive();
      const seen = new Set<string>();
      for (let n = 0; n < 5; n += 1) {
        const caller = remoteCaller(n);
        const headers = { 'x-request': String(n), traceparent: traceparentOf(caller), baggage: `n=${n}` };
        await client.send('/waits', { headers }).response;
        const span = await world.serverSpan();
        assert.equal(span.spanContext().traceId, caller.traceId);
        const sighting = await world.sighted('nextTick', String(n));
        assert.equal(sighting.spanContext?.spanId, span.spanContext().spanId);
        assert.deepEqual(sighting.baggage, { n: String(n) });
        seen.add(span.spanContext().spanId);
      }
      assert.equal(seen.size, 5);
    },
  },
  {
    name: 'keeps a request without headers apart from the one before it on the same connection',
    async run(world) {
      const client = world.keepAlive();
      await client.send('/items/1', { headers: { traceparent: traceparentOf(), baggage: 'a=b' } }).response;
      await world.serverSpan();
      await client.send('/items/1', { headers: { 'x-request': 'second' } }).response;
      const span = await world.serverSpan();
      assert.equal(span.parentSpanContext, undefined);
      assert.deepEqual((await world.sighted('handler', 'second')).baggage, {});
    },
  },
  {
    name: 'keeps 100 concurrent requests apart',
    async run(world) {
      const requests = Array.from({ length: 100 }, (_, n) =>
        world.get('/waits', {
          headers: {
            'x-request': String(n),
            traceparent: traceparentOf(remoteCaller(n)),
            baggage: `n=${n}`,
          },
        }),
      );
      await Promise.all(requests);
      const spans = await world.spans.takeMany(100, ({ kind }) => kind === SpanKind.SERVER);
      const byTrace = new Map(spans.map((span) => [span.spanContext().traceId, span]));
      for (let n = 0; n < 100; n += 1) {
        const span = byTrace.get(remoteCaller(n).traceId);
        assert.equal(span?.parentSpanContext?.spanId, remoteCaller(n).spanId, `parent of request ${n}`);
        for (const label of ['await', 'setTimeout', 'setImmediate', 'nextTick', 'queueMicrotask']) {
          const sighting = await world.sighted(label, String(n));
          assert.equal(sighting.spanContext?.spanId, span?.spanContext().spanId, `${label} of request ${n}`);
          assert.deepEqual(sighting.baggage, { n: String(n) }, `${label} of request ${n}`);
        }
      }
    },
  },
  {
    name: 'keeps pipelined requests apart, each with a span of its own',
    needs: ['http1', 'pipelining'],
    async run(world) {
      const request = (n: number, more = ''): string =>
        `GET /waits HTTP/1.1\r\nhost: a.test\r\nx-request: ${n}\r\ntraceparent: ${traceparentOf(remoteCaller(n))}\r\n${more}\r\n`;
      const received = await world.bytes(request(0) + request(1) + request(2, 'connection: close\r\n'));
      assert.equal(received.split('HTTP/1.1 200').length - 1, 3, 'three responses');
      const spans = await world.spans.takeMany(3, ({ kind }) => kind === SpanKind.SERVER);
      for (let n = 0; n < 3; n += 1) {
        const span = spans.find((one) => one.spanContext().traceId === remoteCaller(n).traceId);
        const sighting = await world.sighted('nextTick', String(n));
        assert.ok(span, `a span for request ${n}`);
        assert.equal(sighting.spanContext?.spanId, span.spanContext().spanId, `context of request ${n}`);
      }
    },
  },
  {
    name: "hands the SERVER span's context to outgoing calls",
    needs: ['fetch'],
    async run(world) {
      const origin = await startOriginServer();
      try {
        const { status } = await world.get('/outgoing', {
          headers: { 'x-target': `${origin.url}/ok`, traceparent: traceparentOf() },
        });
        assert.equal(status, 200);
        const server = await world.serverSpan();
        const client = await world.spans.take(({ kind }) => kind === SpanKind.CLIENT);
        assertParent(client, server);
        const [call] = await origin.arrived(1);
        const sent = call ? headerValues(call, 'traceparent') : [];
        assert.deepEqual(sent, [traceparentOf(client.spanContext())]);
      } finally {
        await origin.close();
      }
    },
  },
];
