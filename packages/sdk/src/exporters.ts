import { createRequire } from 'node:module';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { OtlpSettings } from './otlp-settings.ts';
import { setupError } from './setup-error.ts';

type Create<T> = new (config: {
  url: string;
  headers: Record<string, string>;
  concurrencyLimit?: number;
}) => T;

/** The exporter of spans; it never refuses one of `batches` requests at once, as a flush sends them. */
export function createTraceExporter(otlp: OtlpSettings, batches: number): SpanExporter {
  const Exporter: Create<SpanExporter> =
    otlp.protocol === 'http/json'
      ? jsonExporter<SpanExporter>('@opentelemetry/exporter-trace-otlp-http', 'OTLPTraceExporter')
      : OTLPTraceExporter;
  return new Exporter({ url: otlp.url, headers: { ...otlp.headers }, concurrencyLimit: batches });
}

export function createMetricExporter(otlp: OtlpSettings): PushMetricExporter {
  const Exporter: Create<PushMetricExporter> =
    otlp.protocol === 'http/json'
      ? jsonExporter<PushMetricExporter>('@opentelemetry/exporter-metrics-otlp-http', 'OTLPMetricExporter')
      : OTLPMetricExporter;
  return new Exporter({ url: otlp.url, headers: { ...otlp.headers } });
}

/** JSON is for debugging: its exporters are loaded from the application's own installation, when it asks for them. */
function jsonExporter<T>(name: string, exported: string): Create<T> {
  try {
    return createRequire(import.meta.url)(name)[exported];
  } catch (error) {
    throw setupError(
      `OTEL_EXPORTER_OTLP_PROTOCOL=http/json needs ${name}, which is not installed: npm install ${name}`,
      error,
    );
  }
}
