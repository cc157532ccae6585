import assert from 'node:assert/strict';
import { context, INVALID_SPANID, SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import { assertParent, assertRoot, assertSpan } from '../../kit/trace-assertions.ts';
import {
  laterTraceparent,
  MALFORMED_TRACEPARENTS,
  PAIRS_OF_TRACEPARENTS,
  REMOTE,
  traceparentOf,
} from '../../kit/traceparent.ts';
import type { HttpServerCase } from '../http-server-case.ts';

export const parentCases: readonly HttpServerCase[] = [
  {
    name: 'continues the remote trace',
    async run(world) {
      const { status } = await world.get('/items/1', { headers: { traceparent: traceparentOf() } });
      assert.equal(status, 200);
      const span = await world.serverSpan();
      assertSpan(span, SpanKind.SERVER, world.nameOf('GET', '/items/:id'));
      assertParent(span, REMOTE);
      assert.equal(span.parentSpanContext?.isRemote, true, 'the parent is remote');
    },
  },
  {
    name: 'starts a new trace without trace headers',
    async run(world) {
      await world.get('/items/1');
      assertRoot(await world.serverSpan());
    },
  },
  {
    name: 'starts a new trace when traceparent is malformed, and keeps the request',
    async run(world) {
      for (const traceparent of MALFORMED_TRACEPARENTS) {
        const { status, text } = await world.get('/items/7', { headers: { traceparent } });
        assert.equal(`${status} ${text}`, '200 {"id":"7"}', `traceparent: ${traceparent.slice(0, 80)}`);
        const span = await world.serverSpan();
        assertRoot(span);
        assert.notEqual(span.spanContext().traceId, REMOTE.traceId);
      }
    },
  },
  {
    name: 'starts a new trace when two different traceparent headers arrive',
    async run(world) {
      const other = traceparentOf({ ...REMOTE, spanId: '1111111111111111' });
      const { status } = await world.get('/items/1', { headers: { traceparent: [traceparentOf(), other] } });
      assert.equal(status, 200);
      assertRoot(await world.serverSpan());
    },
  },
  {
    name: 'starts a new trace when a traceparent arrives twice, of this version or of a later one',
    async run(world) {
      for (const traceparent of PAIRS_OF_TRACEPARENTS) {
        const { status } = await world.get('/items/1', { headers: { traceparent: [...traceparent] } });
        assert.equal(status, 200);
        assertRoot(await world.serverSpan());
      }
    },
  },
  {
    name: 'continues a traceparent of a later version',
    async run(world) {
      await world.get('/items/1', {
        headers: { traceparent: laterTraceparent() },
      });
      assertParent(await world.serverSpan(), REMOTE);
    },
  },
  {
    name: 'reads trace headers in any letter case',
    needs: ['http1'],
    async run(world) {
      await world.get('/items/1', {
        headers: { TraceParent: traceparentOf(), TRACESTATE: 'vendor=1', BaGGage: 'tenant=blue' },
      });
      const span = await world.serverSpan();
      assertParent(span, REMOTE);
      assert.equal(span.spanContext().traceState?.get('vendor'), '1');
      assert.deepEqual((await world.sighted('handler')).baggage, { tenant: 'blue' });
    },
  },
  {
    name: 'keeps tracestate',
    async run(world) {
      await world.get('/items/1', {
        headers: { traceparent: traceparentOf(), tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE' },
      });
      const span = await world.serverSpan();
      assert.equal(span.spanContext().traceState?.serialize(), 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE');
      const sighting = await world.sighted('handler');
      assert.equal(sighting.spanContext?.traceState?.get('congo'), 't61rcWkgMzE');
    },
  },
  {
    name: "gives the handler the caller's baggage",
    async run(world) {
      await world.get('/items/1', {
        headers: { traceparent: traceparentOf(), baggage: 'tenant=blue;meta=1, user%20id=a%2Cb' },
      });
      await world.serverSpan();
      const { baggage } = await world.sighted('handler');
      assert.equal(baggage.tenant, 'blue');
    },
  },
  {
    name: 'reads baggage that comes without a traceparent',
    async run(world) {
      await world.get('/items/1', { headers: { baggage: 'tenant=blue' } });
      assertRoot(await world.serverSpan());
      assert.deepEqual((await world.sighted('handler')).baggage, { tenant: 'blue' });
    },
  },
  {
    name: 'passes an unsampled context on to the handler and records nothing',
    async run(world) {
      const caller = { ...REMOTE, traceFlags: TraceFlags.NONE };
      const { status } = await world.get('/items/1', {
        headers: { traceparent: traceparentOf(caller), tracestate: 'vendor=1', baggage: 'tenant=blue' },
      });
      assert.equal(status, 200);
      const { spanContext, baggage } = await world.sighted('handler');
      assert.equal(spanContext?.traceId, REMOTE.traceId);
      assert.equal(spanContext?.traceFlags, TraceFlags.NONE);
      assert.notEqual(spanContext?.spanId, INVALID_SPANID);
      assert.equal(spanContext?.traceState?.get('vendor'), '1');
      assert.deepEqual(baggage, { tenant: 'blue' });
    },
  },
  {
    name: 'makes the SERVER span the parent of spans started in the handler',
    async run(world) {
      await world.get('/works', { headers: { traceparent: traceparentOf() } });
      const server = await world.serverSpan();
      for (const name of ['before', 'after']) {
        assertParent(await world.spans.take((span) => span.name === name), server);
      }
    },
  },
  {
    name: 'extracts from the root context when the server was created inside an active span',
    manual: true,
    async run(world) {
      world.outerContext = true;
      const boot = trace.getTracer('application').startSpan('boot');
      await context.with(trace.setSpan(context.active(), boot), () => world.start());
      boot.end();
      await world.spans.take(({ name }) => name === 'boot');
      await context.with(trace.setSpan(context.active(), boot), () => world.get('/items/1'));
      const span = await world.serverSpan();
      assertRoot(span);
      assert.notEqual(span.spanContext().traceId, boot.spanContext().traceId);
      assert.equal((await world.sighted('handler')).spanContext?.spanId, span.spanContext().spanId);
    },
  },
];
