import assert from 'node:assert/strict';
import { SpanKind, trace } from '@opentelemetry/api';
import { assertParent, assertSpan } from '../../kit/trace-assertions.ts';
import { REMOTE, traceparentOf } from '../../kit/traceparent.ts';
import type { HttpServerCase } from '../http-server-case.ts';

export const optionCases: readonly HttpServerCase[] = [
  {
    name: 'uses the tracer provider that it is given instead of the global one',
    traceOptions: (world) => ({
      tracerProvider: {
        getTracer(name, version, options) {
          world.notes.push(name);
          const { tracerProvider } = world.parts;
          assert.ok(tracerProvider);
          return tracerProvider.getTracer(name, version, options);
        },
      },
    }),
    async run(world) {
      await world.get('/items/1');
      await world.serverSpan();
      assert.ok(world.notes.length > 0, 'the given provider was asked for a tracer');
    },
  },
  {
    name: 'uses the meter provider that it is given instead of the global one',
    needs: ['meterProvider'],
    meterProvider: (real) => real,
    traceOptions: (world) => ({
      meterProvider: {
        getMeter(name, version, options) {
          world.notes.push(name);
          const { meterProvider } = world.parts;
          assert.ok(meterProvider);
          return meterProvider.getMeter(name, version, options);
        },
      },
    }),
    async run(world) {
      await world.get('/items/1');
      await world.serverSpan();
      assert.ok(world.notes.length > 0, 'the given provider was asked for a meter');
    },
  },
  {
    name: 'uses the propagator that it is given instead of the global one',
    traceOptions: () => ({
      propagator: {
        inject() {},
        extract: (ctx, carrier, getter) =>
          getter.get(carrier, 'x-trace') === undefined ? ctx : trace.setSpanContext(ctx, REMOTE),
        fields: () => ['x-trace'],
      },
    }),
    async run(world) {
      await world.get('/items/1', { headers: { 'x-trace': 'yes' } });
      assertParent(await world.serverSpan(), REMOTE);
    },
  },
  {
    name: 'makes no span for an ignored request and still passes its context on',
    needs: ['ignore'],
    traceOptions: () => ({ ignore: ({ target }) => target.startsWith('/items') }),
    async run(world) {
      const { status } = await world.get('/items/1', {
        headers: { traceparent: traceparentOf(), tracestate: 'vendor=1', baggage: 'tenant=blue' },
      });
      assert.equal(status, 200);
      const { spanContext, baggage } = await world.sighted('handler');
      assert.equal(spanContext?.traceId, REMOTE.traceId);
      assert.equal(spanContext?.spanId, REMOTE.spanId);
      assert.deepEqual(baggage, { tenant: 'blue' });
      assert.deepEqual(world.spans.ended(), []);
      await world.get('/any/1');
      await world.serverSpan();
    },
  },
  {
    name: 'records no duration for an ignored request',
    needs: ['ignore'],
    traceOptions: () => ({ ignore: () => true }),
    async run(world) {
      await world.get('/items/1');
      await world.sighted('close');
      await new Promise((turn) => setImmediate(turn));
      assert.deepEqual(await world.metric('http.server.request.duration'), []);
    },
  },
  {
    name: 'names the span as the spanName option says',
    needs: ['spanName'],
    traceOptions: () => ({ spanName: ({ method }, route) => `${method} ${route ?? 'unrouted'} (mine)` }),
    async run(world) {
      await world.get('/items/1');
      const route = world.routeOf('/items/:id') ?? 'unrouted';
      assertSpan(await world.serverSpan(), SpanKind.SERVER, `GET ${route} (mine)`);
    },
  },
  {
    name: 'adds the attributes that the attributes option returns',
    needs: ['attributes'],
    traceOptions: () => ({ attributes: ({ target }) => ({ 'app.target.length': target.length }) }),
    async run(world) {
      await world.get('/items/1');
      const { attributes } = await world.serverSpan();
      assert.equal(attributes['app.target.length'], '/items/1'.length);
      assert.equal(attributes['http.request.method'], 'GET');
    },
  },
  {
    name: 'calls requestHook and responseHook once each with the span, which both may still write to',
    needs: ['hooks'],
    traceOptions: (world) => ({
      requestHook({ span, request: { target } }) {
        world.notes.push(`request ${target}`);
        span.setAttribute('app.request', target);
      },
      responseHook({ span, outcome: { statusCode } }) {
        world.notes.push(`response ${statusCode}`);
        span.setAttribute('app.response', statusCode ?? 0);
      },
    }),
    async run(world) {
      await world.get('/items/1');
      const { attributes } = await world.serverSpan();
      assert.deepEqual(world.notes, ['request /items/1', 'response 200']);
      assert.equal(attributes['app.request'], '/items/1');
      assert.equal(attributes['app.response'], 200);
    },
  },
  {
    name: 'shows responseHook no status code when none was sent',
    needs: ['hooks'],
    traceOptions: (world) => ({
      responseHook({ outcome: { statusCode } }) {
        world.notes.push(statusCode);
      },
    }),
    async run(world) {
      const exchange = world.send('/held');
      await world.gate('held').passed;
      exchange.abort();
      await world.serverSpan();
      assert.deepEqual(world.notes, [undefined]);
    },
  },
  {
    name: 'captures the listed headers as lists of strings, and no others',
    needs: ['captureHeaders'],
    traceOptions: () => ({
      captureRequestHeaders: ['X-Tenant', 'x-absent'],
      captureResponseHeaders: ['X-Answer', 'x-absent'],
    }),
    async run(world) {
      await world.get('/items/1', { headers: { 'x-tenant': 'blue', cookie: 'secret=1' } });
      const { attributes } = await world.serverSpan();
      const captured = Object.entries(attributes).filter(([key]) => key.includes('.header.'));
      assert.deepEqual(Object.fromEntries(captured), {
        'http.request.header.x-tenant': ['blue'],
        'http.response.header.x-answer': ['42'],
      });
    },
  },
  {
    name: "redacts the user's list of query parameters instead of the default one",
    needs: ['redactQuery'],
    traceOptions: () => ({ redactQuery: ['token'] }),
    async run(world) {
      await world.get('/items/1?token=SECRET&sig=kept&Token=kept');
      const { attributes } = await world.serverSpan();
      assert.equal(attributes['url.query'], 'token=REDACTED&sig=kept&Token=kept');
    },
  },
  {
    name: 'takes client, host and scheme from X-Forwarded-* when asked to trust the proxy',
    needs: ['trustProxy'],
    traceOptions: () => ({ trustProxy: true }),
    async run(world) {
      await world.get('/items/1', {
        headers: {
          'x-forwarded-for': '203.0.113.7, 198.51.100.2',
          'x-forwarded-proto': 'https',
          'x-forwarded-host': 'shop.example:8443',
        },
      });
      const { attributes } = await world.serverSpan();
      assert.equal(attributes['client.address'], '203.0.113.7');
      assert.equal(attributes['url.scheme'], 'https');
      assert.equal(attributes['server.address'], 'shop.example');
      assert.equal(attributes['server.port'], 8443);
      assert.equal(attributes['network.peer.address'], '127.0.0.1');
    },
  },
  {
    name: 'takes client, host and scheme from Forwarded when asked to trust the proxy',
    needs: ['trustProxy'],
    traceOptions: () => ({ trustProxy: true }),
    async run(world) {
      await world.get('/items/1', {
        headers: {
          forwarded: 'for="[2001:db8::7]:4711";host="shop.example:8443";proto=https, for=198.51.100.2',
        },
      });
      const { attributes } = await world.serverSpan();
      assert.match(String(attributes['client.address']), /^\[?2001:db8::7\]?$/);
      assert.equal(attributes['url.scheme'], 'https');
      assert.equal(attributes['server.address'], 'shop.example');
      assert.equal(attributes['server.port'], 8443);
    },
  },
  {
    name: 'throws a TypeError when it is mounted with wrong options',
    needs: ['validation'],
    manual: true,
    async run(world) {
      const wrong = [
        { propagator: 'w3c' },
        { ignore: '/health' },
        { spanName: 1 },
        { attributes: [] },
        { requestHook: {} },
        { responseHook: 'x' },
        { captureRequestHeaders: 'x-tenant' },
        { captureResponseHeaders: [1] },
        { redactQuery: 'sig' },
        { tracerProvider: {} },
        { meterProvider: 1 },
      ];
      for (const traceOptions of wrong) {
        const mounted = async (): Promise<void> => world.start({ traceOptions: traceOptions as never });
        await assert.rejects(mounted, TypeError, `options ${JSON.stringify(traceOptions)}`);
      }
    },
  },
];
