import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import { jsonExporters, type OtlpSettings } from './otlp-settings.ts';

type Create<T> = new (config: object) => T;

/** The exporter of spans; it never refuses one of `batches` requests at once, as a flush sends them. */
export function createTraceExporter(otlp: OtlpSettings, batches: number): SpanExporter {
  const Exporter: Create<SpanExporter> =
    otlp.protocol === 'http/json'
      ? (jsonExporters('TRACES').OTLPTraceExporter as Create<SpanExporter>)
      : OTLPTraceExporter;
  return new Exporter({ ...configOf(otlp), concurrencyLimit: batches });
}

export function createMetricExporter(otlp: OtlpSettings): PushMetricExporter {
  const Exporter: Create<PushMetricExporter> =
    otlp.protocol === 'http/json'
      ? (jsonExporters('METRICS').OTLPMetricExporter as Create<PushMetricExporter>)
      : OTLPMetricExporter;
  return new Exporter(configOf(otlp));
}

function configOf({ url, headers, timeout, compression, tls }: OtlpSettings): object {
  return {
    url,
    headers: { ...headers },
    timeoutMillis: timeout,
    compression,
    httpAgentOptions: { keepAlive: true, ...tls },
  };
}
