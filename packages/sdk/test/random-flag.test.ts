import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { startTracing, type Tracing, type TracingOptions } from '@throughline/sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const TRACE = '8a3c60f7d188f8fa79d48a391a778fa6';
const PARENT = '00f067aa0ba902b7';

let tracing: Tracing | undefined;
beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) vi.stubEnv(name, undefined);
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:9');
});
afterEach(async () => {
  await tracing?.shutdown();
  tracing = undefined;
  vi.unstubAllEnvs();
});

/** The flags that a call from inside of two spans sends, after a request with these headers. */
function flagsSent(options: TracingOptions, headers: Record<string, string> = {}): string | undefined {
  tracing = startTracing({ serviceName: 'orders', shutdownTimeout: 0, ...options });
  const parent = propagation.extract(ROOT_CONTEXT, headers);
  return context.with(parent, () => {
    const tracer = trace.getTracer('test');
    const outer = trace.setSpan(parent, tracer.startSpan('outer', {}, parent));
    const inner = trace.setSpan(outer, tracer.startSpan('inner', {}, outer));
    const carrier: Record<string, string> = {};
    propagation.inject(inner, carrier);
    return carrier.traceparent?.slice(-2);
  });
}

describe('the random flag of W3C Trace Context Level 2', () => {
  it.each<[string, TracingOptions, Record<string, string>]>([
    ['by default', {}, {}],
    ['with OTEL_PROPAGATORS', {}, { OTEL_PROPAGATORS: 'b3,tracecontext' }],
    ['with propagators that are not known', {}, { OTEL_PROPAGATORS: 'ottrace' }],
    ['with options.propagators', { propagators: ['baggage', 'tracecontext'] }, {}],
  ])('is on new traces %s', (_, options, env) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    expect(flagsSent(options)).toBe('03');
  });

  it('is on new traces that are not sampled', () => {
    expect(flagsSent({ sampling: { ratio: 0 } })).toBe('02');
  });

  it.each(['00', '01', '02', '03'])('is what the caller said: %s', (flags) => {
    expect(flagsSent({}, { traceparent: `00-${TRACE}-${PARENT}-${flags}` })).toBe(flags);
  });

  it.each<[string, Record<string, string>]>([
    ['b3', { b3: `${TRACE}-${PARENT}-1` }],
    [
      'X-Ray',
      { 'x-amzn-trace-id': `Root=1-${TRACE.slice(0, 8)}-${TRACE.slice(8)};Parent=${PARENT};Sampled=1` },
    ],
    ['X-Ray with a root only', { 'x-amzn-trace-id': `Root=1-${TRACE.slice(0, 8)}-${TRACE.slice(8)}` }],
  ])('is not claimed for the id of a caller that speaks %s', (_, headers) => {
    expect(flagsSent({ propagators: 'tracecontext,b3,xray' }, headers)).toBe('01');
  });
});
