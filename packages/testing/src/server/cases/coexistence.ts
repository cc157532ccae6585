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
import { assertParent, assertRoot } from '../../kit/trace-assertions.ts';
import { REMOTE, traceparentOf } from '../../kit/traceparent.ts';
import type { HttpServerCase, HttpServerWorld } from '../http-server-case.ts';

// The key under which OpenTelemetry's own HTTP instrumentation leaves its span for framework instrumentations.
const RPC_METADATA = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA');

/** What the other tracer's span shows of itself: what an SDK's span shows, its kind, or only what the API has. */
type Shows = 'everything' | 'its kind' | 'nothing';

/** Puts a SERVER span of another tracer around each request, as an instrumentation of node:http does. */
function surround(world: HttpServerWorld, shows: Shows = 'everything'): void {
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
    const shown = shows === 'everything' ? span : opaque(span, shows);
    metadata.span = shown;
    const around = trace.setSpan(remote, shown);
    const outer = shows === 'nothing' ? around : around.setValue(RPC_METADATA, metadata);
    return context.with(outer, () => emit.apply(this, [event, ...args] as never));
  };
}

/** Returns a span with the methods of the API only, as other tracers than an OpenTelemetry SDK make. */
function opaque(span: Span, shows: Shows): Span {
  const own: Span = {
    spanContext: () => span.spanContext(),
    isRecording: () => span.isRecording(),
    setAttribute: (name, value) => span.setAttribute(name, value) && own,
    setAttributes: (attributes) => span.setAttributes(attributes) && own,
    addEvent: (name, attributes) => span.addEvent(name, attributes) && own,
    addLink: (link) => span.addLink(link) && own,
    addLinks: (links) => span.addLinks(links) && own,
    setStatus: (status) => span.setStatus(status) && own,
    updateName: (name) => span.updateName(name) && own,
    recordException: (exception) => span.recordException(exception),
    end: () => span.end(),
  };
  return shows === 'its kind' ? Object.assign(own, { kind: SpanKind.SERVER }) : own;
}

/** Returns how many spans of this kind have ended and are not taken. */
function endedServers(world: HttpServerWorld): number {
  return world.spans.ended().filter(({ kind }) => kind === SpanKind.SERVER).length;
}

const ARRIVALS: readonly { arrives: 'begins' | 'continues'; headers: Record<string, string> }[] = [
  { arrives: 'begins', headers: {} },
  { arrives: 'continues', headers: { traceparent: traceparentOf() } },
];

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
  ...ARRIVALS.map(
    ({ headers, arrives }): HttpServerCase => ({
      name: `completes a SERVER span of RPC metadata that shows its kind alone, of a request that ${arrives} a trace`,
      needs: ['outerSpan'],
      async run(world) {
        surround(world, 'its kind');
        for (const path of ['/items/1', '/items/2']) {
          await world.get(path, { headers });
          const span = await world.serverSpan();
          assert.equal(span.instrumentationScope.name, 'another');
          assert.equal(span.attributes['url.path'], path);
        }
        await world.stop();
        assert.equal(endedServers(world), 0, 'no second SERVER span');
      },
    }),
  ),
  ...ARRIVALS.map(
    ({ headers, arrives }): HttpServerCase => ({
      name: `stays below an outer span that shows nothing of itself, of a request that ${arrives} a trace`,
      needs: ['outerSpan'],
      async run(world) {
        surround(world, 'nothing');
        for (const path of ['/items/1', '/items/2']) {
          await world.get(path, { headers: { 'x-request': path, ...headers } });
          const [one, two] = await world.spans.takeMany(2, ({ kind }) => kind === SpanKind.SERVER);
          const [theirs, ours] = one?.instrumentationScope.name === 'another' ? [one, two] : [two, one];
          assert.ok(theirs && ours);
          assertParent(ours, theirs);
          if (arrives === 'continues') assertParent(theirs, REMOTE);
          const { spanContext } = await world.sighted('handler', path);
          assert.equal(spanContext?.spanId, ours.spanContext().spanId);
        }
      },
    }),
  ),
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
    name: 'takes an outer span that shows nothing of itself for none of a later request',
    needs: ['outerSpan'],
    async run(world) {
      world.outerContext = true;
      const boot = trace.getTracer('another').startSpan('boot');
      around(world, trace.setSpan(ROOT_CONTEXT, opaque(boot, 'nothing')));
      await world.get('/items/1');
      await world.serverSpan();
      await world.get('/items/2');
      assertRoot(await world.serverSpan());
      boot.end();
      await world.spans.take(({ name }) => name === 'boot');
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
