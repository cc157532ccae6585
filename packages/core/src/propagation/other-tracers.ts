import { channels, guarded, nodeModule } from '@throughline/guard';

/** A tracer that need not be registered with OpenTelemetry's API. */
export interface OtherTracer {
  readonly name: string;
  /** How to register it, in one line. */
  readonly remedy: string;
  /** Whether it writes `traceparent` into the calls of this process. */
  readonly writes: () => boolean;
}

/** Each is recognized by a mark that it leaves for its own copies; the look costs as much as a property. */
const TRACERS: readonly OtherTracer[] = [
  {
    name: 'dd-trace',
    remedy: 'Register it: new tracer.TracerProvider().register().',
    // Its parts listen where they write, and no longer do when they are switched off.
    writes: () =>
      hasSubscribers('apm:http:client:request:start') || hasSubscribers('tracing:apm:fetch:request:start'),
  },
  {
    name: 'Sentry',
    remedy: 'Register it: Sentry.init({ enableOpenTelemetrySetup: true, propagateTraceparent: true }).',
    writes: () => sentryClient()?.getOptions?.().propagateTraceparent === true,
  },
  {
    name: 'Elastic APM',
    remedy: 'Register it: opentelemetryBridgeEnabled: true.',
    writes: once(hasElasticAgent),
  },
  {
    name: 'New Relic',
    remedy: 'Register it: opentelemetry: { enabled: true }.',
    writes: once(hasNewRelicAgent),
  },
];

/**
 * Returns the tracer that writes `traceparent` below us without being registered with OpenTelemetry's API, or `undefined`
 * when none is known to run.
 *
 * Called only where no propagator is registered, and for each call: a tracer may start after us.
 */
export function unregisteredTracer(): OtherTracer | undefined {
  return guarded('the look for other tracers failed', find);
}

function find(): OtherTracer | undefined {
  for (const tracer of TRACERS) if (tracer.writes()) return tracer;
  return undefined;
}

function hasSubscribers(channel: string): boolean {
  return channels?.hasSubscribers(channel) === true;
}

/** Whether another tracer adds its headers to every request of undici, whether or not it has some already. */
export function writesIntoUndici(): boolean {
  return hasSubscribers('apm:undici:request:upgrade');
}

interface SentryClient {
  getOptions?(): { readonly propagateTraceparent?: unknown };
}

/** All copies of Sentry's SDK share one global; each version has its own place in it. */
function sentryClient(): SentryClient | undefined {
  const carrier = (
    globalThis as { __SENTRY__?: { readonly version?: string; readonly [key: string]: unknown } }
  ).__SENTRY__;
  const own = carrier?.version === undefined ? undefined : carrier[carrier.version];
  const { defaultCurrentScope } = (own ?? {}) as {
    defaultCurrentScope?: { getClient?(): SentryClient | undefined };
  };
  return defaultCurrentScope?.getClient?.();
}

function hasElasticAgent(): boolean {
  // The cast: the type of the global object has no symbols.
  const globals = globalThis as unknown as Record<symbol, unknown>;
  return Object.getOwnPropertySymbols(globals).some(
    (symbol) => symbol.description === 'ElasticAPMAgentInitialized' && globals[symbol] === true,
  );
}

function hasNewRelicAgent(): boolean {
  const node = nodeModule<typeof import('node:module')>('node:module');
  return node !== undefined && '__NR_cache' in node.createRequire(process.execPath).cache;
}

/** For agents that start before everything else, or not at all. */
function once(look: () => boolean): () => boolean {
  let found: boolean | undefined;
  return () => {
    found ??= look();
    return found;
  };
}
