import { DiagConsoleLogger, diag } from '@opentelemetry/api';
import { settledWithin } from './deadline.ts';
import { createMeterProvider } from './metrics.ts';
import { flushAtProcessEnd } from './process-end.ts';
import { register, unregister } from './registration.ts';
import { createResource } from './resource.ts';
import { readSettings } from './settings.ts';
import { createTraces, lostOf } from './traces.ts';
import type { Tracing, TracingStatus } from './tracing.ts';
import { checkTracingOptions, OWNER, type TracingOptions } from './tracing-options.ts';

const SHUTDOWN_TIMEOUT = 5_000;
const NOTHING_RECORDED: TracingStatus = {
  state: 'propagating',
  failing: false,
  spans: { queued: 0, exporting: 0, exported: 0, failed: 0, dropped: 0 },
};

/** The tracing of this process, once started: where it was called from, for the message of a second call. */
let current: { readonly caller: string; stopped: boolean } | undefined;

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
  if (current !== undefined && !current.stopped)
    throw new TypeError(
      `[throughline/${OWNER.package}] ${OWNER.entry}: tracing was started already, ${current.caller}; keep what that call returned`,
    );
  const settings = readSettings(options, process.env);
  const resource = createResource(options);
  const meterProvider = settings.disabled ? undefined : createMeterProvider(settings.metrics, resource);
  const traces = settings.disabled
    ? undefined
    : createTraces(settings, options.spanProcessors ?? [], resource, meterProvider);

  if (current?.stopped) unregister();
  if (settings.logLevel !== undefined)
    diag.setLogger(new DiagConsoleLogger(), { logLevel: settings.logLevel, suppressOverrideMessage: true });
  try {
    register({ tracerProvider: traces?.provider, meterProvider, propagator: settings.propagator });
  } catch (error) {
    void settledWithin(0, [traces?.provider.shutdown(), meterProvider?.shutdown()]);
    throw error;
  }
  const own = { caller: callerOf(startTracing), stopped: false };
  current = own;

  const timeout = options.shutdownTimeout ?? SHUTDOWN_TIMEOUT;
  const status = (): TracingStatus => {
    const now = traces?.status() ?? NOTHING_RECORDED;
    return own.stopped ? { ...now, state: 'stopped' } : { ...now, spans: { ...now.spans } };
  };
  const delivered = async (work: readonly unknown[]) => {
    const lostBefore = lostOf(status().spans);
    const inTime = await settledWithin(timeout, work);
    return { inTime, complete: inTime && lostOf(status().spans) === lostBefore };
  };
  const flush = () => delivered([traces?.flush(), meterProvider?.forceFlush()]);

  const stopListening =
    traces || meterProvider
      ? flushAtProcessEnd({
          flush: async () => (await flush()).inTime,
          flushSpans: async () => traces?.flush(),
          waiting: () => status().spans.queued + status().spans.exporting,
          signals: options.handleSignals === false ? [] : ['SIGTERM', 'SIGINT'],
        })
      : () => {};

  let stopping: Promise<boolean> | undefined;
  return {
    flush: async () => (await flush()).complete,
    shutdown() {
      stopping ??= delivered([traces?.provider.shutdown(), meterProvider?.shutdown()]).then(
        ({ complete }) => {
          stopListening();
          return complete;
        },
      );
      own.stopped = true;
      return stopping;
    },
    status,
  };
}

/** The line that called `callee`, such as `at file:///app/tracing.js:4:1`. */
function callerOf(callee: (...args: never[]) => unknown): string {
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, callee);
  return holder.stack?.split('\n')[1]?.trim() ?? 'at an unknown place';
}
