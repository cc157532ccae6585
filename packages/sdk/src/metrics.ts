import type { Resource } from '@opentelemetry/resources';
import {
  AggregationType,
  ConsoleMetricExporter,
  InstrumentType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { createMetricExporter } from './exporters.ts';
import type { MetricsSettings } from './settings.ts';

/** The meter provider, or nothing where no metrics are to be sent. */
export function createMeterProvider(
  { exporters, otlp, interval, timeout, exponentialHistograms }: MetricsSettings,
  resource: Resource,
): MeterProvider | undefined {
  if (exporters.length === 0) return undefined;
  return new MeterProvider({
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
          exporter: name === 'otlp' && otlp ? createMetricExporter(otlp) : new ConsoleMetricExporter(),
          exportIntervalMillis: interval,
          exportTimeoutMillis: timeout,
        }),
    ),
  });
}
