import { DiagLogLevel, type TextMapPropagator } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { Sampler, SpanLimits } from '@opentelemetry/sdk-trace';
import { createPropagator } from '@throughline/propagators';
import type { BatchLimits } from '../export/span-export.ts';
import { setupError } from '../reports/setup-error.ts';
import { readSampler, samplerFor } from '../sampling/sampling.ts';
import type { TracingOptions } from '../tracing-options.ts';
import { EnvironmentReader, MAX_DELAY } from './environment-reader.ts';
import {
  type OtlpEndpoint,
  type OtlpSettings,
  otlpVariablesReadHere,
  readOtlp,
  readOtlpEndpoint,
} from './otlp-settings.ts';
import { present } from './present.ts';
import { readResource } from './resource.ts';

/** Where finished spans go: `tree` is the terminal. */
export type TracesExporter = 'otlp' | 'console' | 'tree';
export type MetricsExporter = 'otlp' | 'console';

/** How tracing is set up, from the options and the environment. */
export interface Settings {
  readonly propagator: TextMapPropagator;
  /** Absent: the application's own logger, if it has one, stays in place. */
  readonly logLevel?: DiagLogLevel | undefined;
  /** Absent: the SDK is switched off. */
  readonly signals?: SignalSettings;
  /** What is reported to the operator, one line each. */
  readonly notices: readonly string[];
  /** Variables that the SDK's own packages must not read. */
  readonly hidden: readonly string[];
}

/** What is recorded and where it goes. */
export interface SignalSettings {
  readonly resource: Resource;
  readonly traces: TracesSettings;
  readonly metrics: MetricsSettings;
}

export interface TracesSettings {
  readonly exporters: readonly TracesExporter[];
  /** Absent: nothing is recorded. */
  readonly sampler?: Sampler;
  readonly spanLimits: SpanLimits;
  /** Absent: spans are not sent. */
  readonly sending?: { readonly otlp: OtlpSettings; readonly batch: BatchLimits };
}

export interface MetricsSettings {
  readonly exporters: readonly MetricsExporter[];
  /** Absent: metrics are not sent. */
  readonly otlp?: OtlpSettings | undefined;
  /** In milliseconds. */
  readonly interval: number;
  /** In milliseconds. */
  readonly timeout: number;
  readonly exponentialHistograms: boolean;
}

const LOG_LEVELS = {
  none: DiagLogLevel.NONE,
  error: DiagLogLevel.ERROR,
  warn: DiagLogLevel.WARN,
  info: DiagLogLevel.INFO,
  debug: DiagLogLevel.DEBUG,
  verbose: DiagLogLevel.VERBOSE,
  all: DiagLogLevel.ALL,
} as const;

const EXPORTERS = ['otlp', 'console'] as const;
const DEFAULT_PROPAGATORS = 'tracecontext,baggage';
/** All digits of our trace ids are random. The random flag of W3C Trace Context Level 2 says so. */
const RANDOM_IDS = { randomTraceIds: true };
/** The default port of OTLP over gRPC. */
const GRPC_PORT = '4317';

/**
 * Returns the settings from the options and the environment. Options override variables.
 *
 * The environment belongs to the platform, which sets it for services in all languages. So its mistakes, and what is not
 * supported here, become one notice, and the defaults are used. Only variables that are used are read.
 *
 * @throws TypeError for the same mistakes, with `options.strict`.
 */
export function readSettings(options: TracingOptions): Settings {
  const read = new EnvironmentReader(process.env);
  const disabled = read.boolean('OTEL_SDK_DISABLED') ?? false;
  // By the specification, a disabled SDK still propagates, and does nothing else.
  const propagator = readPropagator(options, read);
  const level = disabled
    ? undefined
    : read.choice('OTEL_LOG_LEVEL', Object.keys(LOG_LEVELS) as (keyof typeof LOG_LEVELS)[]);
  const hints: string[] = [];
  const signals = disabled ? undefined : readSignals(options, read, hints);

  const { faults } = read;
  if (options.strict === true) {
    if (faults.length === 1) throw setupError(faults[0] as string);
    if (faults.length > 1) throw setupError(`${faults.length} settings are wrong\n- ${faults.join('\n- ')}`);
  }
  return {
    propagator,
    logLevel: level && LOG_LEVELS[level],
    ...(signals && { signals }),
    notices: faults.length > 0 ? [ignored(faults), ...hints] : hints,
    hidden: [...read.wrong, ...otlpVariablesReadHere('TRACES'), ...otlpVariablesReadHere('METRICS')],
  };
}

function ignored(faults: readonly string[]): string {
  const [only] = faults;
  return faults.length === 1
    ? `${only}. The default is used instead.`
    : `${faults.length} settings are wrong; their defaults are used instead: ${faults.map((fault, i) => `(${i + 1}) ${fault}`).join(' ')}`;
}

function readSignals(options: TracingOptions, read: EnvironmentReader, hints: string[]): SignalSettings {
  if (read.text('OTEL_CONFIG_FILE') !== undefined)
    read.refuse('OTEL_CONFIG_FILE', 'is not supported; set the other variables or the options');
  const traces = readTraces(options, read, hints);
  const metrics = readMetrics(options, read, hints);
  const recorded = traces.exporters.length + metrics.exporters.length + (options.spanProcessors?.length ?? 0);
  return { traces, metrics, resource: readResource(options, read, recorded > 0) };
}

function readTraces(options: TracingOptions, read: EnvironmentReader, hints: string[]): TracesSettings {
  const endpoint = readOtlpEndpoint('TRACES', options, read);
  const named = read.choices('OTEL_TRACES_EXPORTER', EXPORTERS);
  const exporters: readonly TracesExporter[] = named ?? defaultTraces(endpoint);
  const own = options.spanProcessors?.length ?? 0;
  if (named === undefined && exporters.length === 0 && own === 0)
    hints.push(
      'no span is recorded, because NODE_ENV is production and no endpoint is set. Set OTEL_EXPORTER_OTLP_ENDPOINT, or OTEL_TRACES_EXPORTER=none if that is intended.',
    );
  if (exporters.length === 0 && own === 0) return { exporters, spanLimits: {} };
  const sending = exporters.includes('otlp')
    ? { otlp: readOtlp('TRACES', endpoint, options, read), batch: readBatchLimits(read) }
    : undefined;
  if (sending !== undefined) hintAtPort('spans', sending.otlp, hints);
  return {
    exporters,
    sampler: options.sampling ? samplerFor(options.sampling) : readSampler(read, hints),
    spanLimits: readSpanLimits(read),
    ...(sending && { sending }),
  };
}

/** Returns what is used if no exporter was named: a developer sees the traces, a production service records nothing. */
function defaultTraces({ configured }: OtlpEndpoint): readonly TracesExporter[] {
  if (configured) return ['otlp'];
  return process.env.NODE_ENV === 'production' ? [] : ['tree'];
}

function hintAtPort(what: string, { url }: OtlpSettings, hints: string[]): void {
  if (new URL(url).port !== GRPC_PORT) return;
  hints.push(
    `${what} are sent to port ${GRPC_PORT}, which receivers reserve for gRPC. This package sends HTTP, which they accept on port 4318.`,
  );
}

function readMetrics(options: TracingOptions, read: EnvironmentReader, hints: string[]): MetricsSettings {
  const endpoint = readOtlpEndpoint('METRICS', options, read);
  const exporters = read.choices('OTEL_METRICS_EXPORTER', EXPORTERS) ?? (endpoint.configured ? ['otlp'] : []);
  if (exporters.length === 0) return { exporters, interval: 0, timeout: 0, exponentialHistograms: false };
  const interval = read.integer('OTEL_METRIC_EXPORT_INTERVAL', { least: 1, most: MAX_DELAY }) ?? 60_000;
  const sent = exporters.includes('otlp');
  if (sent)
    read.choice('OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', ['cumulative', 'delta', 'lowmemory']);
  const histograms =
    sent &&
    read.choice('OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION', [
      'explicit_bucket_histogram',
      'base2_exponential_bucket_histogram',
    ]);
  const otlp = sent ? readOtlp('METRICS', endpoint, options, read) : undefined;
  // If the same was reported for spans, one line is enough.
  if (otlp !== undefined && hints.every((hint) => !hint.includes(GRPC_PORT)))
    hintAtPort('metrics', otlp, hints);
  return {
    exporters,
    otlp,
    interval,
    timeout: readMetricTimeout(interval, read),
    exponentialHistograms: histograms === 'base2_exponential_bucket_histogram',
  };
}

/** Returns the timeout of an export. The SDK's reader accepts none beyond its interval, so "no limit" means the interval. */
function readMetricTimeout(interval: number, read: EnvironmentReader): number {
  const name = 'OTEL_METRIC_EXPORT_TIMEOUT';
  const timeout = read.timeout(name);
  if (timeout === undefined || timeout === MAX_DELAY) return Math.min(timeout ?? 30_000, interval);
  if (timeout <= interval) return timeout;
  read.refuse(name, `is '${timeout}'; must not exceed the interval of ${interval}`);
  return Math.min(30_000, interval);
}

/** Returns the limits of the queue. The SDK has the same defaults, but lost spans can only be counted if we know them. */
function readBatchLimits(read: EnvironmentReader): BatchLimits {
  const queue = read.integer('OTEL_BSP_MAX_QUEUE_SIZE', { least: 1 }) ?? 2048;
  const defaultBatch = Math.min(512, queue);
  const batch = read.integer('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', { least: 1 }) ?? defaultBatch;
  if (batch > queue)
    read.refuse(
      'OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
      `is '${batch}'; must not exceed the queue size of ${queue}`,
    );
  return {
    maxQueueSize: queue,
    maxExportBatchSize: batch > queue ? defaultBatch : batch,
    scheduledDelayMillis: read.integer('OTEL_BSP_SCHEDULE_DELAY', { least: 0, most: MAX_DELAY }) ?? 5_000,
    exportTimeoutMillis: read.timeout('OTEL_BSP_EXPORT_TIMEOUT') ?? 30_000,
  };
}

function readSpanLimits(read: EnvironmentReader): SpanLimits {
  const limit = (name: string) => read.integer(name, { least: 0 });
  const length = limit('OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT');
  const count = limit('OTEL_ATTRIBUTE_COUNT_LIMIT');
  return present({
    attributeValueLengthLimit: limit('OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT') ?? length,
    attributeCountLimit: limit('OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT') ?? count,
    eventCountLimit: limit('OTEL_SPAN_EVENT_COUNT_LIMIT'),
    linkCountLimit: limit('OTEL_SPAN_LINK_COUNT_LIMIT'),
    attributePerEventCountLimit: limit('OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT') ?? count,
    attributePerLinkCountLimit: limit('OTEL_LINK_ATTRIBUTE_COUNT_LIMIT') ?? count,
  });
}

function readPropagator(options: TracingOptions, read: EnvironmentReader): TextMapPropagator {
  if (options.propagators !== undefined) {
    const fault = faultOfPropagators(options.propagators);
    if (fault !== undefined) throw setupError(`options.propagators: ${fault}`);
    return createPropagator(options.propagators, RANDOM_IDS);
  }
  const names = read.list('OTEL_PROPAGATORS', (name) => {
    const fault = faultOfPropagators(name);
    return fault && `OTEL_PROPAGATORS: ${fault}`;
  });
  return createPropagator(names?.length === 0 ? 'none' : (names ?? DEFAULT_PROPAGATORS), RANDOM_IDS);
}

/** Returns why `createPropagator()` rejects these names, or how they contradict each other. */
function faultOfPropagators(names: string | readonly string[]): string | undefined {
  const list = (typeof names === 'string' ? names.split(',') : names).map((name) => name.trim());
  if (list.includes('none') && list.some((name) => name !== 'none' && name !== ''))
    return "'none' stands beside other names";
  try {
    createPropagator(names);
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^\[[^\]]*\] createPropagator\(\): /, '');
  }
}
