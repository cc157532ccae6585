import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { registeredApi } from '@throughline/core/seam';
import { startTracing, type Tracing } from '@throughline/sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

/** Nobody listens where metrics would be sent: that is not waited for. */
const OPTIONS = { serviceName: 'orders', shutdownTimeout: 0 };

let tracing: Tracing | undefined;
beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) vi.stubEnv(name, undefined);
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:9');
});
afterEach(async () => {
  await tracing?.shutdown();
  tracing = undefined;
  for (const api of [trace, context, propagation, metrics]) api.disable();
  vi.unstubAllEnvs();
});

const slots = () =>
  (['trace', 'context', 'propagation', 'metrics'] as const).filter(
    (slot) => registeredApi()[slot] !== undefined,
  );

describe('another SDK in the process', () => {
  it.each([
    ['a tracer provider', 'trace', () => trace.setGlobalTracerProvider(new TracerProvider())],
    [
      'a context manager',
      'context',
      () => context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()),
    ],
  ] as const)('that registered %s is named, and nothing is registered beside it', (what, slot, register) => {
    register();
    expect(() => startTracing(OPTIONS)).toThrow(
      new RegExp(
        `^\\[throughline/sdk\\] startTracing\\(\\): ${what} is already registered, through @opentelemetry/api 1\\.\\d+\\.\\d+: another SDK was started before`,
      ),
    );
    expect(slots()).toEqual([slot]);
  });

  it('that registered several parts has all of them named', () => {
    trace.setGlobalTracerProvider(new TracerProvider());
    metrics.setGlobalMeterProvider(new MeterProvider());
    expect(() => startTracing(OPTIONS)).toThrow('a tracer provider, a meter provider are already registered');
  });

  it('may bring the metrics, when told so', () => {
    const meterProvider = new MeterProvider();
    metrics.setGlobalMeterProvider(meterProvider);
    expect(() => startTracing(OPTIONS)).toThrow('OTEL_METRICS_EXPORTER=none leaves yours in place');
    vi.stubEnv('OTEL_METRICS_EXPORTER', 'none');
    tracing = startTracing(OPTIONS);
    expect(metrics.getMeterProvider()).toBe(meterProvider);
  });
});

describe('a second call', () => {
  it('is refused, with the place of the first one', () => {
    tracing = startTracing(OPTIONS);
    expect(() => startTracing(OPTIONS)).toThrow(
      /^\[throughline\/sdk\] startTracing\(\): tracing was already started, at .*registration\.test\.ts:\d+:\d+; use what that call returned$/,
    );
  });

  it('leaves no listener behind when the first has shut down', async () => {
    const before = process.listenerCount('SIGTERM') + process.listenerCount('beforeExit');
    await startTracing(OPTIONS).shutdown();
    tracing = startTracing({ ...OPTIONS, handleSignals: false });
    await tracing.shutdown();
    expect(process.listenerCount('SIGTERM') + process.listenerCount('beforeExit')).toBe(before);
  });
});

describe('what is registered', () => {
  it('is everything, so that context crosses an await and headers are read and written', async () => {
    tracing = startTracing(OPTIONS);
    expect(slots()).toEqual(['trace', 'context', 'propagation', 'metrics']);
    const carrier: Record<string, string> = {};
    const span = trace.getTracer('test').startSpan('outer');
    await context.with(trace.setSpan(context.active(), span), async () => {
      await null;
      propagation.inject(context.active(), carrier);
    });
    expect(carrier.traceparent).toContain(span.spanContext().spanId);
  });

  it('speaks the formats of OTEL_PROPAGATORS, and those of the options rather', async () => {
    vi.stubEnv('OTEL_PROPAGATORS', 'b3');
    tracing = startTracing(OPTIONS);
    expect(propagation.fields()).toContain('b3');
    await tracing.shutdown();
    tracing = startTracing({ ...OPTIONS, propagators: ['tracecontext'] });
    expect(propagation.fields()).toEqual(['traceparent', 'tracestate']);
  });

  it('needs no name where nothing is recorded, with OTEL_SDK_DISABLED=true', () => {
    vi.stubEnv('OTEL_SDK_DISABLED', 'true');
    tracing = startTracing();
    expect(tracing.status().state).toBe('propagating');
  });

  it('writes to the console with OTEL_TRACES_EXPORTER=console', () => {
    vi.stubEnv('OTEL_TRACES_EXPORTER', 'console');
    vi.stubEnv('OTEL_METRICS_EXPORTER', 'none');
    const written = vi.spyOn(console, 'dir').mockImplementation(() => {});
    tracing = startTracing(OPTIONS);
    expect(tracing.status().state).toBe('printing');
    trace.getTracer('test').startSpan('work').end();
    expect(written).toHaveBeenCalledWith(expect.objectContaining({ name: 'work' }), expect.anything());
    written.mockRestore();
  });

  it.each([
    ['OTEL_SDK_DISABLED=true', { OTEL_SDK_DISABLED: 'true' }],
    ['no exporter', { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' }],
    ['no endpoint in production', { OTEL_EXPORTER_OTLP_ENDPOINT: '', NODE_ENV: 'production' }],
  ])('with %s hands context on and records nothing', (_, env) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    tracing = startTracing(OPTIONS);
    expect(tracing.status().state).toBe('propagating');
    expect(slots()).toEqual(['context', 'propagation']);
    expect(trace.getTracer('test').startSpan('none').isRecording()).toBe(false);
  });
});
