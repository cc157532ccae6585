import assert from 'node:assert/strict';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import {
  type Context,
  context,
  createContextKey,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  trace,
} from '@opentelemetry/api';
import type { HttpServerCase, HttpServerWorld } from '../http-server-stage.ts';
import { assertParent } from '../trace-assertions.ts';
import { REMOTE, traceparentOf } from '../traceparent.ts';

// The key under which OpenTelemetry's own HTTP instrumentation leaves its span for framework instrumentations.
const RPC_METADATA = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA');

/** Puts a SERVER span of another tracer around each request, the way an instrumentation of node:http does. */
function surround(world: HttpServerWorld): void {
  world.outerContext = true;
  const { server } = world.served as { server: Server };
  const emit = server.emit;
  server.emit = function surroundedEmit(event: string | symbol, ...args: unknown[]): boolean {
    if (event !== 'request') return emit.apply(this, [event, ...args] as never);
    const [req, res] = args as [IncomingMessage, ServerResponse];
    const remote = propagation.extract(ROOT_CONTEXT, req.headers);
    const span = trace.getTracer('another').startSpan(
      req.method ?? 'GET',
      {
        kind: SpanKind.SERVER,
        attributes: {
          'http.request.method': req.method ?? 'GET',
          'url.path': String(req.url).split('?')[0] ?? '/',
          'url.scheme': 'http',
        },
      },
      remote,
    );
    const metadata: { type: string; span: Span; route?: string } = { type: 'http', span };
    res.on('close', () => {
      if (metadata.route !== undefined) {
        span.setAttribute('http.route', metadata.route);
        span.updateName(`${req.method} ${metadata.route}`);
      }
      span.end();
    });
    const outer = trace.setSpan(remote, span).setValue(RPC_METADATA, metadata);
    return context.with(outer, () => emit.apply(this, [event, ...args] as never));
  };
}

/** How many spans with this kind have ended and are not taken. */
function endedServers(world: HttpServerWorld): number {
  return world.spans.ended().filter(({ kind }) => kind === SpanKind.SERVER).length;
}

export const coexistenceCases: readonly HttpServerCase[] = [
  {
    name: 'makes one span and one measurement when it is mounted twice',
    mounts: 2,
    async run(world) {
      await world.get('/api/v1/items/1', { headers: { traceparent: traceparentOf() } });
      const span = await world.serverSpan();
      assertParent(span, REMOTE);
      assert.equal(span.attributes['http.route'], world.routeOf('/api/v1/items/:id'));
      assert.equal((await world.sighted('handler')).spanContext?.spanId, span.spanContext().spanId);
      const points = await world.metric('http.server.request.duration');
      assert.deepEqual(
        points.map(({ count }) => count),
        [1],
      );
    },
  },
  {
    name: 'reuses the SERVER span that another tracer made for the request, and leaves its end to it',
    needs: ['outerSpan'],
    async run(world) {
      surround(world);
      await world.get('/items/1', { headers: { traceparent: traceparentOf() } });
      const span = await world.serverSpan();
      assert.equal(span.instrumentationScope.name, 'another');
      assertParent(span, REMOTE);
      const handler = await world.sighted('handler');
      assert.equal(handler.spanContext?.spanId, span.spanContext().spanId, 'the handler runs in that span');
      await world.stop();
      assert.equal(endedServers(world), 0, 'no second SERVER span');
    },
  },
  {
    name: 'gives the SERVER span of another tracer the route',
    needs: ['outerSpan', 'routes'],
    async run(world) {
      surround(world);
      await world.get('/api/v1/items/1');
      const span = await world.serverSpan();
      assert.equal(span.instrumentationScope.name, 'another');
      assert.equal(span.attributes['http.route'], world.routeOf('/api/v1/items/:id'));
      assert.equal(span.name, world.nameOf('GET', '/api/v1/items/:id'));
    },
  },
  {
    name: "keeps listeners of req in the other tracer's span when that one is reused",
    needs: ['outerSpan'],
    async run(world) {
      surround(world);
      await world.get('/listeners', {
        method: 'POST',
        headers: { 'content-type': 'application/octet-stream' },
        body: ['first', 'last'],
      });
      const span = await world.serverSpan();
      assert.equal((await world.sighted('end')).spanContext?.spanId, span.spanContext().spanId);
    },
  },
  {
    name: 'does not take an outer span that is not of this request for its own',
    needs: ['outerSpan'],
    async run(world) {
      world.outerContext = true;
      const stray = trace.getTracer('another').startSpan('job', { kind: SpanKind.CONSUMER });
      around(world, trace.setSpan(ROOT_CONTEXT, stray));
      await world.get('/items/1');
      const span = await world.serverSpan();
      assert.notEqual(span.spanContext().traceId, stray.spanContext().traceId);
      stray.end();
      await world.spans.take(({ name }) => name === 'job');
    },
  },
  {
    name: 'traces requests from the moment the SDK is registered, even when it was mounted before',
    sdk: 'late',
    async run(world) {
      assert.equal((await world.get('/items/1')).status, 200);
      assert.deepEqual(world.spans.ended(), []);
      world.registerSdk();
      await world.get('/items/2', { headers: { traceparent: traceparentOf() } });
      const span = await world.serverSpan();
      assertParent(span, REMOTE);
      assert.equal(span.attributes['url.path'], '/items/2');
    },
  },
];

function around(world: HttpServerWorld, outer: Context): void {
  const { server } = world.served as { server: Server };
  const emit = server.emit;
  server.emit = function surroundedEmit(...args: unknown[]): boolean {
    return context.with(outer, () => emit.apply(this, args as never));
  };
}
