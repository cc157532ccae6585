import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { AlwaysOffSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import { tracedFetch } from '@throughline/fetch';
import { createPropagator } from '@throughline/propagators';
import { createSpanCollector } from '@throughline/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const spans = createSpanCollector();
const servers: ChildProcess[] = [];
beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(createPropagator('tracecontext,baggage'));
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
});
afterAll(() => {
  for (const server of servers) server.disconnect();
});

async function startServer(env: Record<string, string> = {}): Promise<string> {
  const server = fork(join(import.meta.dirname, 'programs/server.ts'), { env: { ...process.env, ...env } });
  servers.push(server);
  return `http://127.0.0.1:${(await once(server, 'message'))[0]}/graphql`;
}

const POST = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ query: '{ seen }' }),
};

/** What the resolver of the other process would send on, asked for in a span of ours. */
async function ask(url: string, tracer = trace.getTracer('client')): Promise<Record<string, string>> {
  const baggage = propagation.createBaggage({ tenant: { value: 'acme' } });
  return context.with(propagation.setBaggage(context.active(), baggage), () =>
    tracer.startActiveSpan('caller', async (span) => {
      const response = await tracedFetch(url, POST);
      span.end();
      const { data } = (await response.json()) as { data: { seen: string } };
      return { ...JSON.parse(data.seen), caller: span.spanContext().traceId };
    }),
  );
}

describe('a client and a GraphQL server in two processes', () => {
  test('are in one trace, with baggage', async () => {
    const { traceparent = '', baggage, caller = '' } = await ask(await startServer());
    const { spanId } = (await spans.take(({ name }) => name === 'POST')).spanContext();
    expect(traceparent).toMatch(new RegExp(`^00-${caller}-[0-9a-f]{16}-01$`));
    // It is the span of the operation, below that of the request.
    expect(traceparent).not.toContain(spanId);
    expect(baggage).toBe('tenant=acme');
    spans.reset();
  });

  test('agree on what is not sampled', async () => {
    const provider = new TracerProvider({ sampler: new AlwaysOffSampler() });
    const { traceparent, caller } = await ask(await startServer(), provider.getTracer('client'));
    expect(traceparent).toMatch(new RegExp(`^00-${caller}-[0-9a-f]{16}-00$`));
    spans.reset();
  });

  test('keep the trace and the baggage where the server has no SDK', async () => {
    const { traceparent, baggage } = await ask(await startServer({ SDK: 'off' }));
    const { traceId, spanId } = (await spans.take(({ name }) => name === 'POST')).spanContext();
    expect(traceparent).toBe(`00-${traceId}-${spanId}-01`);
    expect(baggage).toBe('tenant=acme');
    spans.reset();
  });

  test('answer as ever to 1 000 mutated sets of fields, in a new trace', async () => {
    const url = await startServer();
    const value = fc.oneof(
      fc.stringMatching(/^[\x20-\x7e]{0,80}$/),
      fc.constantFrom(
        '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0',
        '',
        ',',
        `a=${'x'.repeat(1200)}`,
      ),
    );
    const fields = fc.dictionary(
      fc.constantFrom('traceparent', 'tracestate', 'baggage'),
      fc.oneof(value, fc.array(value, { minLength: 2, maxLength: 3 })),
    );
    await fc.assert(
      fc.asyncProperty(fields, async (headers) => {
        const call = request(url, { method: 'POST', headers: { ...POST.headers, ...headers } });
        call.end(POST.body);
        const [response] = await once(call, 'response');
        const { data } = JSON.parse(await text(response));
        expect(JSON.parse(data.seen).traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[13]$/);
      }),
      { numRuns: 1000 },
    );
  });
});
