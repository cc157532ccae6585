import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OtlpTraces, readOtlpSpans } from './otlp-spans.ts';
import type { RecordedSpan } from './recorded-span.ts';
import { freePorts, ONCE, startServer } from './server-process.ts';
import type { ZipkinSpan } from './zipkin-spans.ts';

export interface Jaeger {
  /** Base URL of its OTLP receiver. */
  readonly otlp: string;
  /** Base URL of its query API. */
  readonly query: string;
  /** The spans of one trace; none when Jaeger does not know it. */
  spansOf(traceId: string): Promise<RecordedSpan[]>;
  stop(): Promise<void>;
}

/** Starts Jaeger with its traces in memory. */
export async function startJaeger(program: string): Promise<Jaeger> {
  const [query, grpc, otlp] = await freePorts(3);
  const api = `http://127.0.0.1:${query}`;
  const server = await startServer({
    name: 'Jaeger',
    command: program,
    args: ['--config', join(import.meta.dirname, 'jaeger.yaml')],
    env: { JAEGER_QUERY_PORT: `${query}`, JAEGER_GRPC_PORT: `${grpc}`, JAEGER_OTLP_PORT: `${otlp}` },
    ready: `${api}/api/v3/services`,
  });
  return {
    otlp: `http://127.0.0.1:${otlp}`,
    query: api,
    async spansOf(traceId) {
      const answer = await fetch(`${api}/api/v3/traces/${traceId}`, { headers: ONCE });
      if (answer.status === 404) return [];
      const { result } = (await answer.json()) as { result: OtlpTraces };
      return readOtlpSpans(result);
    },
    stop: server.stop,
  };
}

export interface Zipkin {
  readonly url: string;
  spansOf(traceId: string): Promise<ZipkinSpan[]>;
  stop(): Promise<void>;
}

/** Starts Zipkin with its traces in memory. */
export async function startZipkin(jar: string): Promise<Zipkin> {
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const listen = { port, ip: '127.0.0.1', protocols: 'http' };
  const server = await startServer({
    name: 'Zipkin',
    command: 'java',
    args: [
      '-Xmx256m',
      '-jar',
      jar,
      ...Object.entries(listen).map(([name, value]) => `--armeria.ports[0].${name}=${value}`),
    ],
    ready: `${url}/health`,
  });
  return {
    url,
    async spansOf(traceId) {
      const answer = await fetch(`${url}/api/v2/trace/${traceId}`, { headers: ONCE });
      return answer.status === 404 ? [] : ((await answer.json()) as ZipkinSpan[]);
    },
    stop: server.stop,
  };
}

export interface Collector {
  readonly pid: number;
  /** Base URL of its OTLP receiver. */
  readonly otlp: string;
  /** All spans that its file exporter has written so far. */
  writtenSpans(): Promise<RecordedSpan[]>;
  /** Where Prometheus scrapes it: `127.0.0.1:8889`. */
  readonly metrics: string;
  /** Resolves when all that it had accepted has been passed on. */
  stop(): Promise<void>;
  /** Deletes what it wrote. */
  remove(): Promise<void>;
}

/** Starts the Collector with a configuration of this folder; traces go on to `jaeger`, an OTLP base URL. */
export async function startCollector(
  program: string,
  options: { readonly jaeger: string; readonly config?: string; readonly env?: NodeJS.ProcessEnv },
): Promise<Collector> {
  const [otlp, health, prometheus] = await freePorts(3);
  const folder = await mkdtemp(join(tmpdir(), 'throughline-collector-'));
  const tracesFile = join(folder, 'traces.jsonl');
  const server = await startServer({
    name: 'the Collector',
    command: program,
    args: ['--config', join(import.meta.dirname, options.config ?? 'collector.yaml')],
    env: {
      OTLP_ENDPOINT: `127.0.0.1:${otlp}`,
      HEALTH_ENDPOINT: `127.0.0.1:${health}`,
      PROMETHEUS_ENDPOINT: `127.0.0.1:${prometheus}`,
      JAEGER_ENDPOINT: options.jaeger,
      TRACES_FILE: tracesFile,
      SPAN_METRICS_INTERVAL: '1s',
      ...options.env,
    },
    ready: `http://127.0.0.1:${health}`,
  });
  return {
    pid: server.pid,
    otlp: `http://127.0.0.1:${otlp}`,
    metrics: `127.0.0.1:${prometheus}`,
    async writtenSpans() {
      const lines = (await readFile(tracesFile, 'utf8')).split('\n').filter((line) => line !== '');
      return lines.flatMap((line) => readOtlpSpans(JSON.parse(line) as OtlpTraces));
    },
    stop: server.stop,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

export interface Prometheus {
  /** Evaluates a query now: the values by `service_name`. */
  query(promql: string): Promise<Record<string, number>>;
  stop(): Promise<void>;
}

/** Starts Prometheus, which scrapes `target` (`127.0.0.1:8889`) every second. */
export async function startPrometheus(program: string, target: string): Promise<Prometheus> {
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const folder = await mkdtemp(join(tmpdir(), 'throughline-prometheus-'));
  const config = join(folder, 'prometheus.yaml');
  await writeFile(
    config,
    `scrape_configs: [{ job_name: collector, scrape_interval: 1s, static_configs: [{ targets: ['${target}'] }] }]`,
  );
  const server = await startServer({
    name: 'Prometheus',
    command: program,
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    cwd: folder,
    ready: `${url}/-/ready`,
  });
  return {
    async query(promql) {
      const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(promql)}`, {
        headers: ONCE,
      });
      const { data, error } = (await answer.json()) as {
        error?: string;
        data?: { result: { metric: { service_name?: string }; value: [number, string] }[] };
      };
      if (!data) throw new Error(`Prometheus: ${error}`);
      return Object.fromEntries(
        data.result.map(({ metric, value }) => [metric.service_name ?? '', Number(value[1])]),
      );
    },
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
