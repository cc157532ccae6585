import { DiagLogLevel, type TextMapPropagator } from '@opentelemetry/api';
import type { Sampler, SpanLimits } from '@opentelemetry/sdk-trace';
import { createPropagator } from '@throughline/propagators';
import { EnvironmentReader } from './environment-reader.ts';
import { type OtlpSettings, readOtlp } from './otlp-settings.ts';
import { readServiceName } from './resource.ts';
import { readSampler, samplerFor } from './sampling.ts';
import type { BatchLimits } from './span-export.ts';
import { OWNER, type TracingOptions } from './tracing-options.ts';

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

const DEFAULT_INTERVAL = 60_000;

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
  const positive = (name: string) => read.integer(name, { least: 1 });
  const count = (name: string) => read.integer(name, { least: 0 });
  const delay = (name: string, least = 1) => read.integer(name, { least, most: 0x7fff_ffff });

  if (read.text('OTEL_CONFIG_FILE') !== undefined)
    read.fault('OTEL_CONFIG_FILE is not supported; set the other variables or the options');
  readServiceName(options, read);

  const level = read.choice('OTEL_LOG_LEVEL', Object.keys(LOG_LEVELS) as (keyof typeof LOG_LEVELS)[]);
  const traceOtlp = readOtlp('TRACES', options, read);
  const metricOtlp = readOtlp('METRICS', options, read);
  const tracesExporters = read.choices('OTEL_TRACES_EXPORTER', ['otlp', 'console', 'none'] as const);
  const metricsExporters = read.choices('OTEL_METRICS_EXPORTER', ['otlp', 'console', 'none'] as const);

  const interval = delay('OTEL_METRIC_EXPORT_INTERVAL') ?? DEFAULT_INTERVAL;
  const timeout = delay('OTEL_METRIC_EXPORT_TIMEOUT');
  if (timeout !== undefined && timeout > interval)
    read.fault(`OTEL_METRIC_EXPORT_TIMEOUT is '${timeout}'; must not exceed the interval of ${interval}`);
  read.choice('OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', ['cumulative', 'delta', 'lowmemory']);
  const histograms = read.choice('OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION', [
    'explicit_bucket_histogram',
    'base2_exponential_bucket_histogram',
  ]);

  const maxQueueSize = positive('OTEL_BSP_MAX_QUEUE_SIZE') ?? 2048;
  const maxExportBatchSize = positive('OTEL_BSP_MAX_EXPORT_BATCH_SIZE') ?? Math.min(512, maxQueueSize);
  if (maxExportBatchSize > maxQueueSize)
    read.fault(
      `OTEL_BSP_MAX_EXPORT_BATCH_SIZE is '${maxExportBatchSize}'; must not exceed the queue size of ${maxQueueSize}`,
    );

  const lengthLimit = count('OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT');
  const countLimit = count('OTEL_ATTRIBUTE_COUNT_LIMIT');
  const settings: Settings = {
    disabled: read.boolean('OTEL_SDK_DISABLED') ?? false,
    logLevel: level && LOG_LEVELS[level],
    propagator: readPropagator(options, read),
    sampler: options.sampling ? samplerFor(options.sampling) : readSampler(read),
    spanLimits: present({
      attributeValueLengthLimit: count('OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT') ?? lengthLimit,
      attributeCountLimit: count('OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT') ?? countLimit,
      eventCountLimit: count('OTEL_SPAN_EVENT_COUNT_LIMIT'),
      linkCountLimit: count('OTEL_SPAN_LINK_COUNT_LIMIT'),
      attributePerEventCountLimit: count('OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT') ?? countLimit,
      attributePerLinkCountLimit: count('OTEL_LINK_ATTRIBUTE_COUNT_LIMIT') ?? countLimit,
    }),
    batch: {
      maxQueueSize,
      maxExportBatchSize,
      scheduledDelayMillis: delay('OTEL_BSP_SCHEDULE_DELAY', 0) ?? 5_000,
      exportTimeoutMillis: delay('OTEL_BSP_EXPORT_TIMEOUT') ?? 30_000,
    },
    traces: {
      otlp: traceOtlp,
      exporters: withoutNone(tracesExporters) ?? defaultTraces(traceOtlp, env),
    },
    metrics: {
      otlp: metricOtlp,
      exporters: withoutNone(metricsExporters) ?? (metricOtlp.configured ? ['otlp'] : []),
      interval,
      timeout,
      exponentialHistograms: histograms === 'base2_exponential_bucket_histogram',
    },
  };
  if (read.faults.length > 0) throw new TypeError(messageOf(read.faults));
  return settings;
}

function messageOf(faults: readonly string[]): string {
  const [first] = faults;
  const what = faults.length === 1 ? first : `${faults.length} settings are wrong\n- ${faults.join('\n- ')}`;
  return `[throughline/${OWNER.package}] ${OWNER.entry}: ${what}`;
}

/** Nobody asked for anything: a developer gets to see the traces, a production service is left alone. */
function defaultTraces(otlp: OtlpSettings, env: NodeJS.ProcessEnv): readonly TracesExporter[] {
  if (otlp.configured) return ['otlp'];
  return env.NODE_ENV === 'production' ? [] : ['tree'];
}

function withoutNone<T extends string>(names: readonly (T | 'none')[] | undefined): readonly T[] | undefined {
  return names?.filter((name): name is T => name !== 'none');
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

function present<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
