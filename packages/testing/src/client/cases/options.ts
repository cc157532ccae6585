import assert from 'node:assert/strict';
import { SpanKind } from '@opentelemetry/api';
import { givenParts } from '../../kit/given-parts.ts';
import { headerValues } from '../../kit/origin-server.ts';
import { faultCase, HOOK_FAULTS, planted, SDK_FAULTS } from '../../kit/planted-faults.ts';
import { assertSpan } from '../../kit/trace-assertions.ts';
import { arrival, assertCarries } from '../arrival.ts';
import type { HttpClientCase, HttpClientWorld } from '../http-client-case.ts';
import type { HttpClientCapability, HttpClientTraceOptions } from '../http-client-conformance-options.ts';

const throwing = faultCase<HttpClientWorld, HttpClientCapability, HttpClientTraceOptions>(
  'calls on',
  async (world) => assert.equal(await world.read('/echo', { method: 'POST', body: 'x' }), 'POST x'),
  (world) => world.clientSpanIfTraced(),
);

async function ask(world: HttpClientWorld): Promise<void> {
  await world.read('/ok');
  await world.clientSpan();
}

export const clientOptionCases: readonly HttpClientCase[] = [
  {
    name: 'makes no span for an ignored call and still sends the context along',
    needs: ['spans', 'ignore'],
    traceOptions: () => ({ ignore: ({ url }) => url.pathname === '/ok' }),
    async run(world) {
      const [, caller] = await world.inSpan(() => world.read('/ok'));
      assertCarries(await arrival(world), caller);
      await world.read('/echo');
      await world.clientSpan();
    },
  },
  {
    name: 'uses the tracer provider and propagator that it is given instead of the global ones',
    needs: ['spans', 'providers'],
    traceOptions: (world) => givenParts(world, 'x-trace'),
    async run(world) {
      await world.read('/ok');
      const span = await world.clientSpan();
      assert.ok(world.notes.length > 0, 'the given provider was asked for a tracer');
      const call = await arrival(world);
      assert.deepEqual(headerValues(call, 'x-trace'), [span.spanContext().traceId]);
      assert.deepEqual(headerValues(call, 'traceparent'), []);
    },
  },
  {
    name: 'names the span as the spanName option says, and adds what the attributes option returns',
    needs: ['spans', 'spanName', 'attributes'],
    traceOptions: () => ({
      spanName: ({ method }) => `${method} mine`,
      attributes: ({ url }) => ({ 'app.path.length': url.pathname.length }),
    }),
    async run(world) {
      await world.read('/ok');
      const span = await world.clientSpan();
      assertSpan(span, SpanKind.CLIENT, 'GET mine');
      assert.equal(span.attributes['app.path.length'], 3);
    },
  },
  {
    name: 'calls requestHook and responseHook once each with the span, which both may still write to',
    needs: ['spans', 'hooks'],
    traceOptions: (world) => ({
      requestHook({ span, request: { url } }) {
        world.notes.push(`request ${url.pathname}`);
        span.setAttribute('app.request', true);
      },
      responseHook({ span, outcome: { statusCode } }) {
        world.notes.push(`response ${statusCode}`);
        span.setAttribute('app.response', true);
      },
    }),
    async run(world) {
      await world.read('/ok');
      const { attributes } = await world.clientSpan();
      assert.deepEqual(world.notes, ['request /ok', 'response 200']);
      assert.equal(attributes['app.request'], true);
      assert.equal(attributes['app.response'], true);
    },
  },
  {
    name: 'captures the listed headers as lists of strings, and no others',
    needs: ['spans', 'captureHeaders'],
    traceOptions: () => ({
      captureRequestHeaders: ['X-Tenant', 'x-absent'],
      captureResponseHeaders: ['X-Answer', 'x-absent'],
    }),
    async run(world) {
      await world.read('/ok', { headers: { 'x-tenant': 'blue', 'x-other': '1' } });
      const { attributes } = await world.clientSpan();
      const captured = Object.entries(attributes).filter(([key]) => key.includes('.header.'));
      assert.deepEqual(Object.fromEntries(captured), {
        'http.request.header.x-tenant': ['blue'],
        'http.response.header.x-answer': ['42'],
      });
    },
  },
  {
    name: "redacts the user's list of query parameters instead of the default one",
    needs: ['spans', 'redactQuery'],
    traceOptions: () => ({ redactQuery: ['token'] }),
    async run(world) {
      await world.read('/ok?token=SECRET&sig=kept');
      const { attributes } = await world.clientSpan();
      assert.equal(attributes['url.full'], `${world.origin.url}/ok?token=REDACTED&sig=kept`);
    },
  },
  {
    name: 'throws a TypeError when it is made with wrong options',
    needs: ['validation'],
    async run(world) {
      const wrong = [
        { propagator: 'w3c' },
        { ignore: '/health' },
        { spanName: 1 },
        { requestHook: {} },
        { captureRequestHeaders: 'x-tenant' },
        { redactQuery: 'sig' },
        { tracerProvider: {} },
      ];
      for (const traceOptions of wrong) {
        const made = async (): Promise<unknown> => world.connect(traceOptions as never);
        await assert.rejects(made, TypeError, `options ${JSON.stringify(traceOptions)}`);
      }
      if (world.traced) await ask(world);
    },
  },
  ...HOOK_FAULTS.map((fault) => throwing(...fault)),
  throwing(
    'ignore, spanName and attributes throw',
    {
      needs: ['ignore', 'spanName', 'attributes'],
      traceOptions: () => ({
        ignore: planted('ignore'),
        spanName: planted('spanName'),
        attributes: planted('attributes'),
      }),
    },
    'kept',
  ),
  ...SDK_FAULTS.map((fault) => throwing(...fault)),
  throwing(
    'the meter provider throws',
    {
      needs: ['metrics'],
      meterProvider: () => ({ getMeter: planted('the meter provider') }),
    },
    'kept',
  ),
];
