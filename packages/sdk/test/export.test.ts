import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { metrics, trace } from '@opentelemetry/api';
import { traceContext } from '@throughline/express';
import { startTracing, type Tracing, type TracingOptions } from '@throughline/sdk';
import express from 'express';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type OtlpSink, startOtlpSink } from './otlp-sink.ts';

let sink: OtlpSink;
let tracing: Tracing | undefined;
let stderr: string[];
beforeEach(async () => {
  stderr = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => stderr.push(String(chunk)) > 0);
  sink = await startOtlpSink();
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) vi.stubEnv(name, undefined);
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', sink.url);
});
afterEach(async () => {
  await tracing?.shutdown();
  tracing = undefined;
  await sink.close();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

function start(env: Record<string, string> = {}, options: TracingOptions = {}): Tracing {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  tracing = startTracing({ serviceName: 'orders', ...options });
  return tracing;
}

/** The first request with spans; that with metrics may come before it. */
const traceRequest = () => sink.requests.find(({ url }) => url.includes('/v1/traces'));

function endSpans(count: number): void {
  const tracer = trace.getTracer('test');
  for (let i = 0; i < count; i++) tracer.startSpan(`span ${i}`).end();
}

describe('an export', () => {
  it('reaches the receiver in protobuf, with parents, under the resource of the process', async () => {
    const { flush, status } = start(
      { OTEL_RESOURCE_ATTRIBUTES: 'team=shop,service.version=0,service.name=ignored' },
      { serviceVersion: '1.2.3', environment: 'staging', resourceAttributes: { 'host.name': 'one' } },
    );
    trace.getTracer('test').startActiveSpan('outer', (outer) => {
      trace.getTracer('test').startSpan('inner').end();
      outer.end();
    });
    expect(await flush()).toBe(true);
    const [inner, outer] = sink.spans;
    expect(inner).toMatchObject({ name: 'inner', traceId: outer?.traceId, parentId: outer?.spanId });
    expect(outer?.resource).toMatchObject({
      'service.name': 'orders',
      'service.version': '1.2.3',
      'service.instance.id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'deployment.environment.name': 'staging',
      'host.name': 'one',
      team: 'shop',
      'telemetry.sdk.language': 'nodejs',
    });
    expect(traceRequest()).toMatchObject({
      url: '/v1/traces',
      headers: { 'content-type': 'application/x-protobuf' },
    });
    expect(status()).toMatchObject({
      state: 'exporting',
      endpoint: `${sink.url}/v1/traces`,
      failing: false,
      spans: { queued: 0, exporting: 0, exported: 2, failed: 0, dropped: 0 },
      lastSuccess: expect.any(Date),
    });
  });

  it('comes from middleware that was mounted before the start', async () => {
    const app = express();
    app.use(traceContext());
    app.get('/orders/:id', (_req, res) => void res.send('ok'));
    const server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const request = async () =>
      (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/orders/7`)).text();
    await request();
    const { flush, status } = start();
    await request();
    await expect.poll(() => status().spans.queued).toBe(1);
    await flush();
    expect(sink.spans).toMatchObject([{ name: 'GET /orders/:id' }]);
    server.close();
  });

  it('takes names from the environment where the options say nothing', async () => {
    vi.stubEnv('OTEL_SERVICE_NAME', 'stock');
    vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'service.name=ignored,deployment.environment.name=qa');
    tracing = startTracing();
    endSpans(1);
    await tracing.flush();
    expect(sink.spans[0]?.resource).toMatchObject({
      'service.name': 'stock',
      'deployment.environment.name': 'qa',
    });
  });

  it('follows the variables of the exporter', async () => {
    const { flush } = start({
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20x',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'key=a==',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${sink.url}/tenant/v1/traces`,
    });
    endSpans(1);
    expect(await flush()).toBe(true);
    expect(traceRequest()).toMatchObject({
      url: '/tenant/v1/traces',
      headers: { authorization: 'Bearer x', key: 'a==', 'content-encoding': 'gzip' },
    });
    expect(sink.spans).toHaveLength(1);
  });

  it('goes where the options say rather than the environment, with their headers', async () => {
    const other = await startOtlpSink();
    const { flush } = start({}, { endpoint: `${other.url}/base/`, headers: { key: 'mine' } });
    endSpans(1);
    await flush();
    expect(other.requests[0]).toMatchObject({ url: '/base/v1/traces', headers: { key: 'mine' } });
    expect(sink.requests).toEqual([]);
    await other.close();
  });

  it('speaks JSON when asked to', async () => {
    const { flush } = start({ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' });
    endSpans(1);
    await flush();
    expect(traceRequest()?.headers['content-type']).toBe('application/json');
  });

  it("brings metrics too, the SDK's own about its queue included", async () => {
    const { flush } = start();
    metrics.getMeter('test').createCounter('orders.placed').add(1);
    endSpans(1);
    await flush();
    // Metrics are collected while the spans are still on their way.
    await flush();
    expect([...sink.metrics]).toEqual(
      expect.arrayContaining(['orders.placed', 'otel.sdk.processor.span.processed']),
    );
  });

  it('brings no metrics with OTEL_METRICS_EXPORTER=none', async () => {
    const { flush } = start({ OTEL_METRICS_EXPORTER: 'none' });
    metrics.getMeter('test').createCounter('orders.placed').add(1);
    await flush();
    expect(sink.requests).toEqual([]);
  });

  it('keeps to the limits of spans', async () => {
    const ended: Readonly<Record<string, unknown>>[] = [];
    start(
      { OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '3', OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '2' },
      {
        spanProcessors: [
          {
            onStart() {},
            onEnd: (span) => void ended.push(span.attributes),
            forceFlush: async () => {},
            shutdown: async () => {},
          },
        ],
      },
    );
    trace
      .getTracer('test')
      .startSpan('big', { attributes: { a: 'abcdef', b: 'b', c: 'c' } })
      .end();
    expect(ended).toEqual([{ a: 'abc', b: 'b' }]);
  });

  it('sends a queue of any size at once when flushed', async () => {
    const { flush, status } = start({
      OTEL_BSP_MAX_QUEUE_SIZE: '2000',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '20',
      OTEL_BSP_SCHEDULE_DELAY: '60000',
    });
    endSpans(2_000);
    expect(await flush()).toBe(true);
    expect(status().spans).toMatchObject({ exported: 2_000, failed: 0 });
    expect(new Set(sink.spans.map(({ spanId }) => spanId)).size).toBe(2_000);
  });
});

describe('a receiver that does not take spans', () => {
  const quick = { OTEL_EXPORTER_OTLP_TIMEOUT: '300', OTEL_BSP_SCHEDULE_DELAY: '20' };

  it.each([
    ['hangs', 'hang', 'Request timed out'],
    ['is unavailable', 'unavailable', 'Export failed with retryable status'],
    ['rejects them', 'reject', '400 Bad Request'],
  ] as const)('and %s is told of once, and recovers without restart', async (_, behaviour, reason) => {
    sink.behaviour = behaviour;
    const { status, flush } = start(quick);
    endSpans(1);
    await expect.poll(() => status().failing).toBe(true);
    endSpans(1);
    await expect.poll(() => status().spans.failed).toBe(2);
    expect(status()).toMatchObject({ lastError: { message: reason, at: expect.any(Date) } });
    sink.behaviour = 'accept';
    endSpans(3);
    expect(await flush()).toBe(true);
    expect(status()).toMatchObject({
      failing: false,
      spans: { exported: 3, failed: 2, dropped: 0, queued: 0 },
    });
    expect(stderr).toEqual([
      `[throughline/sdk] spans cannot be sent to ${sink.url}/v1/traces: ${reason}; 1 lost so far. Later spans will be tried.\n`,
      `[throughline/sdk] spans are sent to ${sink.url}/v1/traces again; 2 were lost.\n`,
    ]);
  });

  it('because nobody listens there recovers when somebody does', async () => {
    const port = Number(new URL(sink.url).port);
    await sink.close();
    const { status } = start(quick);
    endSpans(1);
    await expect.poll(() => status().failing).toBe(true);
    expect(status().lastError?.message).toContain('ECONNREFUSED');
    sink = await startOtlpSink(port);
    endSpans(3);
    await expect.poll(() => status().spans.exported).toBe(3);
    expect(sink.spans).toHaveLength(3);
  });

  it('holds no more spans than the queue and one batch, and the others are counted', async () => {
    sink.behaviour = 'hang';
    const { status, flush } = start(
      {
        ...quick,
        OTEL_EXPORTER_OTLP_TIMEOUT: '60000',
        OTEL_BSP_MAX_QUEUE_SIZE: '100',
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10',
      },
      { shutdownTimeout: 100 },
    );
    endSpans(1_000);
    expect(status().spans).toEqual({ queued: 100, exporting: 10, exported: 0, failed: 0, dropped: 890 });
    expect(await flush()).toBe(false);
  });

  it('gets one export at a time, however many failed', async () => {
    sink.behaviour = 'hang';
    const { status } = start({ ...quick, OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10' });
    endSpans(50);
    for (const failed of [10, 20, 30]) {
      await expect.poll(() => status().spans.failed, { interval: 5 }).toBe(failed);
      endSpans(1);
      expect(status().spans.exporting).toBe(10);
    }
  });

  it('delays flush and shutdown no longer than the time-out', async () => {
    sink.behaviour = 'hang';
    const { flush, shutdown } = start({ OTEL_EXPORTER_OTLP_TIMEOUT: '60000' }, { shutdownTimeout: 200 });
    endSpans(1);
    const began = performance.now();
    expect(await flush()).toBe(false);
    expect(await shutdown()).toBe(false);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

describe('OTEL_BSP_EXPORT_TIMEOUT', () => {
  it.each(['hang', 'drip'] as const)('bounds a flush to a receiver that does %s', async (behaviour) => {
    sink.behaviour = behaviour;
    const { flush, status } = start({ OTEL_BSP_EXPORT_TIMEOUT: '200', OTEL_METRICS_EXPORTER: 'none' });
    endSpans(1);
    const began = performance.now();
    expect(await flush()).toBe(false);
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(status().spans).toMatchObject({ exporting: 0, failed: 1 });
    sink.behaviour = 'accept';
    endSpans(1);
    expect(await flush()).toBe(true);
  });

  it('of 0, like that of the exporter, is no limit', async () => {
    sink.latency = 400;
    const { flush } = start({ OTEL_BSP_EXPORT_TIMEOUT: '0', OTEL_EXPORTER_OTLP_TIMEOUT: '0' });
    endSpans(1);
    expect(await flush()).toBe(true);
    expect(stderr).toEqual([]);
  });

  it('does not lengthen the exporter’s own', async () => {
    sink.behaviour = 'hang';
    const { flush } = start({ OTEL_EXPORTER_OTLP_TIMEOUT: '200', OTEL_METRICS_EXPORTER: 'none' });
    endSpans(1);
    const began = performance.now();
    expect(await flush()).toBe(false);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

describe('words', () => {
  it('count one span as one', async () => {
    const { status, flush } = start({ OTEL_EXPORTER_OTLP_TIMEOUT: '300', OTEL_BSP_SCHEDULE_DELAY: '20' });
    sink.behaviour = 'reject';
    endSpans(1);
    await expect.poll(() => status().spans.failed).toBe(1);
    sink.behaviour = 'accept';
    endSpans(1);
    await flush();
    expect(stderr[1]).toContain('; 1 was lost.');
  });

  it('announce nothing more once it is over', async () => {
    sink.behaviour = 'hang';
    const { shutdown, status } = start({}, { shutdownTimeout: 100 });
    endSpans(2);
    expect(await shutdown()).toBe(false);
    expect(status().spans).toMatchObject({ exporting: 0, failed: 2 });
    expect(stderr).toEqual([
      `[throughline/sdk] spans cannot be sent to ${sink.url}/v1/traces: cancelled by shutdown(); 2 lost so far.\n`,
    ]);
  });
});

describe('after shutdown', () => {
  it('spans are dropped and counted, and tracing can start again', async () => {
    const first = start();
    endSpans(1);
    expect(await first.shutdown()).toBe(true);
    endSpans(1);
    expect(first.status()).toMatchObject({ state: 'stopped', spans: { exported: 1, dropped: 1 } });
    const second = start();
    endSpans(1);
    expect(await second.flush()).toBe(true);
    expect(second.status()).toMatchObject({ state: 'exporting', spans: { exported: 1, dropped: 0 } });
    expect(sink.spans).toHaveLength(2);
  });
});
