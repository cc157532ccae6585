import { startTracing as start } from '@throughline/sdk';

/** In milliseconds. It is short, because the receiver may be gone before the services are. */
const SHUTDOWN_DEADLINE = 1_000;

/**
 * Sets up OpenTelemetry for this process: spans are sent to `OTEL_EXPORTER_OTLP_ENDPOINT`, those still held before the
 * process ends.
 *
 * @example
 * startTracing('gateway');
 */
export function startTracing(serviceName: string): void {
  const tracing = start({ serviceName, shutdownTimeout: SHUTDOWN_DEADLINE });
  // The process that started this one is gone, and this one must not outlive it.
  const stop = () => tracing.shutdown().then(() => process.exit(0));
  process.once('disconnect', stop);
  if (process.connected === false) stop();
}
