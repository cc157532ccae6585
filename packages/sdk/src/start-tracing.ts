import { DiagConsoleLogger, diag } from '@opentelemetry/api';
import { settledWithin } from './deadline.ts';
import { createMeterProvider } from './metrics.ts';
import { register, unregister } from './registration.ts';
import { createResource } from './resource.ts';
import { readSettings } from './settings.ts';
import { setupError } from './setup-error.ts';
import { createTraces } from './traces.ts';
import type { Tracing } from './tracing.ts';
import { createTracingHandle } from './tracing-handle.ts';
import { checkTracingOptions, type TracingOptions } from './tracing-options.ts';

const SHUTDOWN_TIMEOUT = 5_000;

/** The tracing of this process, and where it was started, for the message of a second call. */
let current: { readonly tracing: Tracing; readonly caller: string } | undefined;

/**
 * Starts OpenTelemetry for this process: records spans and metrics, sends them over OTLP, hands context on, and flushes
 * when the process ends.
 *
 * Call it once, before or after everything else: the middleware finds it at the next request. Without an endpoint,
 * traces are drawn on stderr, and with `NODE_ENV=production` nothing is recorded, while context is still handed on.
 * The variables `OTEL_*` of the specification are honoured; an option wins over its variable.
 *
 * @throws TypeError when an option or a variable is wrong (all variables are told together), when tracing runs already,
 * here or by another SDK, and when copies of `@opentelemetry/api` cannot see each other. Never throws afterwards.
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 * @example
 * const tracing = startTracing({ serviceName: 'orders' });
 */
export function startTracing(options: TracingOptions = {}): Tracing {
  checkTracingOptions(options);
  const stopped = current?.tracing.status().state === 'stopped';
  if (current !== undefined && !stopped)
    throw setupError(`tracing was started already, ${current.caller}; keep what that call returned`);
  const settings = readSettings(options, process.env);
  const resource = createResource(options);
  const meterProvider = settings.disabled ? undefined : createMeterProvider(settings.metrics, resource);
  const traces = settings.disabled
    ? undefined
    : createTraces(settings, options.spanProcessors ?? [], resource, meterProvider);

  if (stopped) unregister();
  if (settings.logLevel !== undefined)
    diag.setLogger(new DiagConsoleLogger(), { logLevel: settings.logLevel, suppressOverrideMessage: true });
  try {
    register({ tracerProvider: traces?.provider, meterProvider, propagator: settings.propagator });
  } catch (error) {
    void settledWithin(0, [traces?.shutdown(), meterProvider?.shutdown()]);
    throw error;
  }
  const tracing = createTracingHandle({
    traces,
    meterProvider,
    timeout: options.shutdownTimeout ?? SHUTDOWN_TIMEOUT,
    signals: options.handleSignals === false ? [] : ['SIGTERM', 'SIGINT'],
  });
  current = { tracing, caller: callerOf(startTracing) };
  return tracing;
}

/** The line that called `callee`, such as `at file:///app/tracing.js:4:1`. */
function callerOf(callee: (...args: never[]) => unknown): string {
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, callee);
  return holder.stack?.split('\n')[1]?.trim() ?? 'at an unknown place';
}
