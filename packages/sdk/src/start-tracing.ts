import { DiagConsoleLogger, diag } from '@opentelemetry/api';
import { callerOf } from '@throughline/core/seam';
import { settledWithin } from './process-end/settled-within.ts';
import { createMetrics } from './providers/metrics.ts';
import { createTraces } from './providers/traces.ts';
import { register } from './registration/register.ts';
import { notice } from './reports/notice.ts';
import { setupError } from './reports/setup-error.ts';
import { readSettings } from './settings/settings.ts';
import { withoutVariables } from './settings/without-variables.ts';
import type { Tracing } from './tracing.ts';
import { createTracingHandle } from './tracing-handle.ts';
import { checkTracingOptions, type TracingOptions } from './tracing-options.ts';

const SHUTDOWN_TIMEOUT = 5_000;

/** The tracing of this process, and the place that started it, which the error of a second call names. */
let current: { readonly tracing: Tracing; readonly caller: string; unregister(): void } | undefined;

/**
 * Starts OpenTelemetry for this process: records spans and metrics, sends them over OTLP, propagates context, and flushes
 * when the process ends. Returns a handle to flush, stop and check it.
 *
 * Call it once, before or after everything else: the middleware finds it at the next request. Without an endpoint,
 * traces are drawn on stderr or, with `NODE_ENV=production`, nothing is recorded; context is propagated in both cases.
 * The variables `OTEL_*` of the specification are honoured; an option overrides its variable. Wrong variables are
 * reported in one line on stderr, and their defaults are used.
 *
 * @throws TypeError when an option is wrong, when tracing is already running, by us or by another SDK, and when copies of
 * `@opentelemetry/api` cannot see each other. With `strict: true` also when variables are wrong, in one error for all of
 * them. Never throws afterwards.
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 * @example
 * const tracing = startTracing({ serviceName: 'orders' });
 */
export function startTracing(options: TracingOptions = {}): Tracing {
  checkTracingOptions(options);
  const stopped = current?.tracing.status().state === 'stopped';
  if (current !== undefined && !stopped)
    throw setupError(`tracing was already started, ${current.caller}; use what that call returned`);
  const { propagator, logLevel, signals, notices, hidden } = readSettings(options);
  const { metrics, traces } = withoutVariables(hidden, () => {
    const metrics = signals && createMetrics(signals.metrics, signals.resource);
    return {
      metrics,
      traces:
        signals &&
        createTraces(
          signals,
          options.spanProcessors ?? [],
          metrics?.provider,
          options.recorder ?? 'throughline',
        ),
    };
  });

  if (stopped) current?.unregister();
  if (logLevel !== undefined)
    diag.setLogger(new DiagConsoleLogger(), { logLevel, suppressOverrideMessage: true });
  let unregister: () => void;
  try {
    unregister = register({
      tracerProvider: traces?.provider,
      meterProvider: metrics?.provider,
      propagator,
      yields: signals === undefined,
    });
  } catch (error) {
    void settledWithin(0, [traces?.shutdown(), metrics?.provider.shutdown()]);
    throw error;
  }
  for (const text of notices) notice(text);
  const tracing = createTracingHandle({
    traces,
    metrics,
    timeout: options.shutdownTimeout ?? SHUTDOWN_TIMEOUT,
    handlesSignals: options.handleSignals !== false,
  });
  current = { tracing, caller: callerOf(startTracing) ?? 'at an unknown place', unregister };
  return tracing;
}
