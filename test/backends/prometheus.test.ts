import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type HeaderStrippingProxy,
  startHeaderStrippingProxy,
} from '../../examples/checkout/header-stripping-proxy.ts';
import { type Collector, type Prometheus, startCollector, startPrometheus } from './back-ends.ts';
import { describeWith } from './describe-with.ts';
import { COLLECTOR, PROMETHEUS } from './recipes.ts';
import { type Services, startServices } from './services/start-services.ts';
import { type Sink, startSink } from './sink.ts';

const DEADLINE = 40_000;
const PAGE = join(import.meta.dirname, '../../docs/production.md');

/** The queries that the page shows, over seconds in place of minutes. */
async function documentedQueries(): Promise<string[]> {
  const blocks = (await readFile(PAGE, 'utf8')).matchAll(/```promql\n(.*?)```/gs);
  return [...blocks].map(([, query = '']) => query.replaceAll('[5m]', '[10s]'));
}

await describeWith([COLLECTOR, PROMETHEUS], 'root spans per service', (...programs) => {
  const [collectorProgram = '', prometheusProgram = ''] = programs;
  let sink: Sink | undefined;
  let collector: Collector | undefined;
  let prometheus: Prometheus | undefined;
  let proxy: HeaderStrippingProxy | undefined;
  let services: Services | undefined;

  beforeAll(async () => {
    sink = await startSink();
    collector = await startCollector(collectorProgram, { jaeger: sink.url });
    prometheus = await startPrometheus(prometheusProgram, collector.metrics);
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.otlp,
      OTEL_METRIC_EXPORT_INTERVAL: '500',
      OTEL_METRIC_EXPORT_TIMEOUT: '500',
      OTEL_BSP_SCHEDULE_DELAY: '200',
    };
    services = await startServices(
      () => env,
      async (back) => {
        proxy = await startHeaderStrippingProxy(back);
        return proxy.url;
      },
    );
  });

  afterAll(async () => {
    services?.kill();
    await Promise.all([proxy?.close(), prometheus?.stop(), collector?.stop()]);
    await sink?.close();
    await collector?.remove();
  });

  test('both documented queries name the service behind a proxy that drops the headers', async () => {
    const queries = await documentedQueries();
    expect(queries).toHaveLength(2);
    const end = performance.now() + DEADLINE;
    let shares: Record<string, number>[] = [];
    // Rates need several scrapes while requests come in.
    while (performance.now() < end) {
      await callFront();
      shares = await Promise.all(queries.map((query) => prometheus?.query(query) ?? {}));
      if (shares.every(({ front = 0, back = 0 }) => back === 1 && isAboutHalf(front))) return;
    }
    expect(shares).toEqual(queries.map(() => ({ front: 0.5, back: 1 })));
  });

  /** Every other request continues a trace of its caller. */
  async function callFront() {
    const traceId = crypto.randomUUID().replaceAll('-', '');
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    for (const headers of [{ traceparent }, undefined]) {
      const answer = await fetch(`${services?.front}/items/1`, headers ? { headers } : {});
      await answer.arrayBuffer();
    }
  }
});

function isAboutHalf(share: number): boolean {
  return Math.abs(share - 0.5) < 0.05;
}
