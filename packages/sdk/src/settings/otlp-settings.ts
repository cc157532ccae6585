import type { TracingOptions } from '../tracing-options.ts';
import type { EnvironmentReader } from './environment-reader.ts';
import { isHeader } from './is-header.ts';
import { ownRequire } from './own-require.ts';

type Signal = 'TRACES' | 'METRICS';

/** Where one signal is sent. */
export interface OtlpEndpoint {
  /** The whole URL, `v1/traces` or `v1/metrics` included where the specification appends it. */
  readonly url: string;
  /** Whether an option or a variable names it. Otherwise it is the default. */
  readonly configured: boolean;
}

/** How one signal is sent. The exporter itself reads the headers of the environment. */
export interface OtlpSettings {
  readonly url: string;
  readonly protocol: 'http/protobuf' | 'http/json';
  readonly headers: Readonly<Record<string, string>>;
  /** The time limit of one export with all its retries, in milliseconds. */
  readonly timeout: number;
  readonly compression: 'none' | 'gzip';
  /** Absent members: Node's certificates, and none of the client's own. */
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
}

const DEFAULT_ENDPOINT = 'http://localhost:4318';
const DEFAULT_TIMEOUT = 10_000;
const PROTOCOLS = ['http/protobuf', 'http/json'] as const;
const JSON_EXPORTERS = {
  TRACES: '@opentelemetry/exporter-trace-otlp-http',
  METRICS: '@opentelemetry/exporter-metrics-otlp-http',
} as const;

/** Returns the names of a variable. The signal's own is first, because it wins. */
const names = (signal: Signal, setting: string) => [
  `OTEL_EXPORTER_OTLP_${signal}_${setting}`,
  `OTEL_EXPORTER_OTLP_${setting}`,
];

/**
 * Returns where a signal is sent.
 *
 * @see https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 */
export function readOtlpEndpoint(
  signal: Signal,
  options: TracingOptions,
  read: EnvironmentReader,
): OtlpEndpoint {
  const path = `v1/${signal.toLowerCase()}`;
  if (options.endpoint !== undefined) return { url: appended(options.endpoint, path), configured: true };
  const own = read.url(`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`);
  if (own !== undefined) return { url: own, configured: true };
  const base = read.url('OTEL_EXPORTER_OTLP_ENDPOINT');
  return { url: appended(base ?? DEFAULT_ENDPOINT, path), configured: base !== undefined };
}

/** Returns how a signal is sent to its endpoint. */
export function readOtlp(
  signal: Signal,
  { url }: OtlpEndpoint,
  options: TracingOptions,
  read: EnvironmentReader,
): OtlpSettings {
  const first = <T>(setting: string, value: (name: string) => T | undefined) =>
    names(signal, setting).reduce<T | undefined>((found, name) => {
      const next = value(name);
      return found ?? next;
    }, undefined);
  for (const name of names(signal, 'HEADERS')) read.pairs(name, isHeader);
  const ca = first('CERTIFICATE', (name) => read.file(name));
  const cert = first('CLIENT_CERTIFICATE', (name) => read.file(name));
  const key = first('CLIENT_KEY', (name) => read.file(name));
  return {
    url,
    protocol: first('PROTOCOL', (name) => readProtocol(name, signal, read)) ?? 'http/protobuf',
    headers: options.headers ?? {},
    timeout: first('TIMEOUT', (name) => read.timeout(name)) ?? DEFAULT_TIMEOUT,
    compression: first('COMPRESSION', (name) => read.choice(name, ['none', 'gzip'])) ?? 'none',
    tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) },
  };
}

/** Returns the variables that the exporters of a signal would read themselves, with less exact checks than ours. */
export function otlpVariablesReadHere(signal: Signal): readonly string[] {
  return ['TIMEOUT', 'COMPRESSION', 'CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY', 'ENDPOINT'].flatMap(
    (setting) => names(signal, setting),
  );
}

/** Returns the module of the JSON exporters. JSON is for debugging, so the application installs them if it needs them. */
export function jsonExporters(signal: Signal): Record<string, unknown> {
  return ownRequire()(JSON_EXPORTERS[signal]);
}

function readProtocol(
  name: string,
  signal: Signal,
  read: EnvironmentReader,
): OtlpSettings['protocol'] | undefined {
  const protocol = read.choice(name, PROTOCOLS);
  if (protocol !== 'http/json') return protocol;
  try {
    jsonExporters(signal);
    return protocol;
  } catch {
    const needed = JSON_EXPORTERS[signal];
    return read.refuse(
      name,
      `is 'http/json'; that needs ${needed}, which is not installed: npm install ${needed}`,
    );
  }
}

/** Returns the base URL with `path` appended. Its query, if any, stays behind the path. */
function appended(base: string, path: string): string {
  const url = new URL(base);
  url.pathname += `${url.pathname.endsWith('/') ? '' : '/'}${path}`;
  url.hash = '';
  return url.href;
}
