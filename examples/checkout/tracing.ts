import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

/** A person is waiting for the trace; a production service would rather export every few seconds. */
const EXPORT_DELAY = 50;
/** Without a collector the last export would be retried for many seconds. */
const SHUTDOWN_DEADLINE = 1_000;

/**
 * Sets up the OpenTelemetry SDK for this process: spans go to `OTEL_EXPORTER_OTLP_ENDPOINT` as OTLP over HTTP.
 *
 * On SIGTERM and SIGINT the spans still held are exported before the process exits.
 *
 * @example
 * startTracing('gateway');
 */
export function startTracing(serviceName: string): void {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName }),
    spanProcessors: [
      new BatchSpanProcessor({ exporter: new OTLPTraceExporter(), scheduledDelayMillis: EXPORT_DELAY }),
    ],
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  );

  const stop = () => {
    setTimeout(() => process.exit(1), SHUTDOWN_DEADLINE).unref();
    provider.shutdown().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  // Whoever started this process over a channel is gone, however it ended: do not outlive it.
  process.once('disconnect', stop);
  if (process.connected === false) stop();
}
