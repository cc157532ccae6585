import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { startTracing, type Tracing } from '@throughline/sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

let tracing: Tracing | undefined;
let printed: string;
beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) vi.stubEnv(name, undefined);
  vi.stubEnv('NODE_ENV', 'development');
  printed = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    printed += chunk;
    return true;
  });
  tracing = startTracing({ serviceName: 'orders' });
});
afterEach(async () => {
  await tracing?.shutdown();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const tracer = () => trace.getTracer('test');
const blocks = () => printed.split(/^trace /m).length - 1;

describe('without an endpoint, outside of production', () => {
  it('a trace is drawn when its last span has ended', async () => {
    expect(tracing?.status().state).toBe('printing');
    tracer().startActiveSpan('POST /orders', { kind: SpanKind.SERVER }, (server) => {
      const call = tracer().startSpan('GET', { kind: SpanKind.CLIENT });
      call.setAttribute('http.response.status_code', 503);
      call.setStatus({ code: SpanStatusCode.ERROR });
      call.end();
      server.end();
    });
    await expect.poll(() => printed).toMatch(/^trace [0-9a-f]{32} {2}1 service, 2 spans, /);
    expect(printed).toMatch(
      /\n {2}orders SERVER POST \/orders +#+ +\d+\.\d ms\n {2}`- orders CLIENT GET .* <- 503\n\n$/,
    );
  });

  it('a trace with an open span waits for it', async () => {
    const late = tracer().startSpan('late');
    tracer().startSpan('early', {}, trace.setSpan(ROOT_CONTEXT, late)).end();
    tracer().startSpan('another trace').end();
    await expect.poll(blocks).toBe(1);
    expect(printed).not.toContain('early');
    late.end();
    await expect.poll(blocks).toBe(2);
    expect(printed).toContain('`- orders INTERNAL early');
  });

  it('a flush draws what has ended', async () => {
    tracer().startSpan('work').end();
    await tracing?.flush();
    expect(blocks()).toBe(1);
  });

  it('spans whose trace never ends are held in bounded number', () => {
    const parent = tracer().startSpan('never ends');
    const within = trace.setSpan(ROOT_CONTEXT, parent);
    for (let i = 0; i < 12_000; i++) tracer().startSpan('tick', {}, within).end();
    expect(blocks()).toBe(2);
    parent.end();
  });
});
