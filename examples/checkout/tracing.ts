import { startTracing as start } from '@throughline/sdk';

/** The receiver may be gone before the services are. Milliseconds. */
const SHUTDOWN_DEADLINE = 1_000;

/**
 * Sets up OpenTelemetry for this process: spans go to `OTEL_EXPORTER_OTLP_ENDPOINT`, and what is still held is sent
 * before the process ends.
 *
 * @example
 * startTracing('gateway');
 */
export function startTracing(serviceName: string): void {
  const tracing = start({ serviceName, shutdownTimeout: SHUTDOWN_DEADLINE });
  // The process that started this one over a channel is gone, however it ended: do not outlive it.
  const stop = () => tracing.shutdown().then(() => process.exit(0));
  process.once('disconnect', stop);
  if (process.connected === false) stop();
}
