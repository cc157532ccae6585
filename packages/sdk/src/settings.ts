import { DiagLogLevel, type TextMapPropagator } from '@opentelemetry/api';
import type { Sampler, SpanLimits } from '@opentelemetry/sdk-trace';
import { createPropagator } from '@throughline/propagators';
import { EnvironmentReader } from './environment-reader.ts';
import { type OtlpSettings, readOtlp } from './otlp-settings.ts';
import { present } from './present.ts';
import { checkResource } from './resource.ts';
import { readSampler, samplerFor } from './sampling.ts';
import { setupError } from './setup-error.ts';
import type { BatchLimits } from './span-export.ts';
import type { TracingOptions } from './tracing-options.ts';

/** Where finished spans go: `tree` is the terminal. */
export type TracesExporter = 'otlp' | 'console' | 'tree';
export type MetricsExporter = 'otlp' | 'console';

/** All that decides how tracing is set up, from the options and the environment. */
export interface Settings {
  readonly disabled: boolean;
  /** Absent: the application's own logger, if it has one, stays in place. */
  readonly logLevel?: DiagLogLevel | undefined;
  readonly propagator: TextMapPropagator;
  readonly sampler: Sampler | undefined;
  readonly spanLimits: SpanLimits;
  readonly batch: BatchLimits;
  readonly traces: { readonly exporters: readonly TracesExporter[]; readonly otlp: OtlpSettings };
  readonly metrics: {
    readonly exporters: readonly MetricsExporter[];
    readonly otlp: OtlpSettings;
    /** Milliseconds. */
    readonly interval: number;
    /** Milliseconds. */
    readonly timeout: number | undefined;
    readonly exponentialHistograms: boolean;
  };
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

const EXPORTERS = ['otlp', 'console', 'none'] as const;
/** The longest time that a timer takes. Milliseconds. */
const MAX_DELAY = 0x7fff_ffff;

/**
 * Reads what the environment says and lets the options win.
 *
 * The SDK's packages read little of the environment themselves and take a wrong value for an absent one; here each
 * variable is checked, also those whose reading is left to them.
 *
 * @throws TypeError that names every variable with an unknown value, and what is known.
 */
export function readSettings(options: TracingOptions, env: NodeJS.ProcessEnv): Settings {
  const read = new EnvironmentReader(env);
  if (read.text('OTEL_CONFIG_FILE') !== undefined)
    read.fault('OTEL_CONFIG_FILE is not supported; set the other variables or the options');
  const disabled = read.boolean('OTEL_SDK_DISABLED') ?? false;
  if (!disabled) checkResource(options, read);
  const level = read.choice('OTEL_LOG_LEVEL', Object.keys(LOG_LEVELS) as (keyof typeof LOG_LEVELS)[]);
  const otlp = readOtlp('TRACES', options, read);
  const settings: Settings = {
    disabled,
    logLevel: level && LOG_LEVELS[level],
    propagator: readPropagator(options, read),
    sampler: options.sampling ? samplerFor(options.sampling) : readSampler(read),
    spanLimits: readSpanLimits(read),
    batch: readBatchLimits(read),
    traces: {
      otlp,
      exporters: withoutNone(read.choices('OTEL_TRACES_EXPORTER', EXPORTERS)) ?? defaultTraces(otlp, env),
    },
    metrics: readMetrics(options, read),
  };
  const { faults } = read;
  if (faults.length === 1) throw setupError(faults[0] as string);
  if (faults.length > 1) throw setupError(`${faults.length} settings are wrong\n- ${faults.join('\n- ')}`);
  return settings;
}

/** Nobody asked for anything: a developer gets to see the traces, a production service is left alone. */
function defaultTraces(otlp: OtlpSettings, env: NodeJS.ProcessEnv): readonly TracesExporter[] {
  if (otlp.configured) return ['otlp'];
  return env.NODE_ENV === 'production' ? [] : ['tree'];
}

function withoutNone<T extends string>(names: readonly (T | 'none')[] | undefined): readonly T[] | undefined {
  return names?.filter((name): name is T => name !== 'none');
}

function readMetrics(options: TracingOptions, read: EnvironmentReader): Settings['metrics'] {
  const otlp = readOtlp('METRICS', options, read);
  const interval = read.integer('OTEL_METRIC_EXPORT_INTERVAL', { least: 1, most: MAX_DELAY }) ?? 60_000;
  const timeout = read.integer('OTEL_METRIC_EXPORT_TIMEOUT', { least: 1, most: MAX_DELAY });
  if (timeout !== undefined && timeout > interval)
    read.fault(`OTEL_METRIC_EXPORT_TIMEOUT is '${timeout}'; must not exceed the interval of ${interval}`);
  read.choice('OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', ['cumulative', 'delta', 'lowmemory']);
  const histograms = read.choice('OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION', [
    'explicit_bucket_histogram',
    'base2_exponential_bucket_histogram',
  ]);
  return {
    otlp,
    exporters:
      withoutNone(read.choices('OTEL_METRICS_EXPORTER', EXPORTERS)) ?? (otlp.configured ? ['otlp'] : []),
    interval,
    timeout,
    exponentialHistograms: histograms === 'base2_exponential_bucket_histogram',
  };
}

/** The specification's defaults, which the SDK has too: here they are known, so that what is lost can be counted. */
function readBatchLimits(read: EnvironmentReader): BatchLimits {
  const queue = read.integer('OTEL_BSP_MAX_QUEUE_SIZE', { least: 1 }) ?? 2048;
  const batch = read.integer('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', { least: 1 }) ?? Math.min(512, queue);
  if (batch > queue)
    read.fault(`OTEL_BSP_MAX_EXPORT_BATCH_SIZE is '${batch}'; must not exceed the queue size of ${queue}`);
  return {
    maxQueueSize: queue,
    maxExportBatchSize: batch,
    scheduledDelayMillis: read.integer('OTEL_BSP_SCHEDULE_DELAY', { least: 0, most: MAX_DELAY }) ?? 5_000,
    exportTimeoutMillis: read.integer('OTEL_BSP_EXPORT_TIMEOUT', { least: 1, most: MAX_DELAY }) ?? 30_000,
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
  const names = options.propagators ?? read.text('OTEL_PROPAGATORS');
  try {
    return createPropagator(names ?? 'tracecontext,baggage');
  } catch (error) {
    const reason = (error as Error).message.replace(/^\[[^\]]*\] createPropagator\(\): /, '');
    read.fault(`${options.propagators ? 'options.propagators' : 'OTEL_PROPAGATORS'}: ${reason}`);
    return createPropagator('none');
  }
}
