import type { Resource } from '@opentelemetry/resources';
import {
  AggregationType,
  ConsoleMetricExporter,
  InstrumentType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { createMetricExporter } from '../export/exporters.ts';
import type { MetricsSettings } from '../settings/settings.ts';

/** The meter provider and what it sends with. */
export interface Metrics {
  readonly provider: MeterProvider;
  /** Makes pending exports fail, so that they do not keep the process alive. */
  giveUp(reason: Error): void;
}

/** Returns the meter provider with its exporters, or `undefined` if no metrics are sent. */
export function createMetrics(
  { exporters, otlp, interval, timeout, exponentialHistograms }: MetricsSettings,
  resource: Resource,
): Metrics | undefined {
  if (exporters.length === 0) return undefined;
  const sending = otlp && createMetricExporter(otlp);
  const provider = new MeterProvider({
    resource,
    views: exponentialHistograms
      ? [
          {
            instrumentType: InstrumentType.HISTOGRAM,
            aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM },
          },
        ]
      : [],
    readers: exporters.map(
      (name) =>
        new PeriodicExportingMetricReader({
          exporter: name === 'otlp' && sending ? sending.exporter : new ConsoleMetricExporter(),
          exportIntervalMillis: interval,
          exportTimeoutMillis: timeout,
        }),
    ),
  });
  return { provider, giveUp: (reason) => sending?.giveUp(reason) };
}
