import type { EnvironmentReader } from './environment-reader.ts';
import type { TracingOptions } from './tracing-options.ts';

/** How one signal is sent; headers of the environment, timeout, compression and certificates are read by the exporter. */
export interface OtlpSettings {
  /** Whether somebody named an endpoint. */
  readonly configured: boolean;
  /** The whole URL, `v1/traces` or `v1/metrics` included where the specification appends it. */
  readonly url: string;
  readonly protocol: 'http/protobuf' | 'http/json';
  readonly headers: Readonly<Record<string, string>>;
}

const DEFAULT_ENDPOINT = 'http://localhost:4318';
/** The value may hold further equals signs, as keys in base64 do. */
const HEADER = /^[^=]*[^=\s][^=]*=/;
const PROTOCOLS = ['http/protobuf', 'http/json'] as const;

/** @see https://opentelemetry.io/docs/specs/otel/protocol/exporter/ */
export function readOtlp(
  signal: 'TRACES' | 'METRICS',
  options: TracingOptions,
  read: EnvironmentReader,
): OtlpSettings {
  const names = (setting: string) => [
    `OTEL_EXPORTER_OTLP_${signal}_${setting}`,
    `OTEL_EXPORTER_OTLP_${setting}`,
  ];
  for (const name of names('HEADERS')) read.pairs(name, HEADER);
  for (const name of names('TIMEOUT')) read.integer(name, { least: 1, most: 0x7fff_ffff });
  for (const name of names('COMPRESSION')) read.choice(name, ['none', 'gzip']);
  for (const name of ['CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY'].flatMap(names)) read.file(name);

  const protocol =
    read.choice(`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`, PROTOCOLS) ??
    read.choice('OTEL_EXPORTER_OTLP_PROTOCOL', PROTOCOLS);
  const own = read.url(`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`);
  const base = options.endpoint ?? read.url('OTEL_EXPORTER_OTLP_ENDPOINT');
  return {
    configured: options.endpoint !== undefined || own !== undefined || base !== undefined,
    url:
      (options.endpoint === undefined && own) ||
      appended(base ?? DEFAULT_ENDPOINT, `v1/${signal.toLowerCase()}`),
    protocol: protocol ?? 'http/protobuf',
    headers: options.headers ?? {},
  };
}

function appended(base: string, path: string): string {
  return `${base}${base.endsWith('/') ? '' : '/'}${path}`;
}
