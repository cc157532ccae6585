import type { CallName, Framework } from './combinations.ts';

/** A tracer that may run beside us, and how it is started. */
export interface Peer {
  readonly title: string;
  /** Name and version, each folder of them is installed once. */
  readonly packages: Readonly<Record<string, string>>;
  /** What Node is given before the service's own file. */
  readonly flags: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default: every one that we have an adapter for. */
  readonly frameworks?: readonly Framework[];
  /** Whether it continues the trace of an incoming `traceparent`. Default: yes. */
  readonly continues?: false;
  /** Who writes `traceparent` into calls: we or it (default), or neither, so that the caller's is passed on. */
  readonly writes?: false;
  /** Calls that it gives a second `traceparent`, and why that is not for us to mend. */
  readonly doubles?: { readonly calls: readonly CallName[]; readonly reason: string };
}

const EXPRESS = {
  express: '5.3.0',
  fastify: '5.12.8',
  'fastify-plugin': '6.0.1',
  koa: '3.3.0',
  undici: '8.12.0',
};
const API_9 = { ...EXPRESS, '@opentelemetry/api': '1.9.1' };
const API_10 = { ...EXPRESS, '@opentelemetry/api': '1.10.0' };

const UNDICI = {
  calls: ['fetch with traceHeaders'],
  reason:
    'its part for undici always adds its own, even if there is one (TL009). `tracedFetch` keeps it silent.',
} as const satisfies Peer['doubles'];

const auto = {
  packages: { ...API_10, '@opentelemetry/auto-instrumentations-node': '0.82.0' },
  doubles: UNDICI,
};
const sentry = (version: string, options: object = {}) => ({
  packages: {
    ...API_9,
    '@sentry/node': version,
    ...(version.startsWith('10') && { '@sentry/opentelemetry': version }),
  },
  flags: [version.startsWith('10') ? '--require' : '--import', './start/sentry.cjs'],
  env: { SENTRY: JSON.stringify({ propagateTraceparent: true, ...options }) },
  continues: false as const,
});
const ddTrace = {
  packages: { ...API_9, 'dd-trace': '6.21.0' },
  flags: ['--require', './start/dd-trace.cjs'],
};
const fastifyOtel = {
  packages: {
    ...API_10,
    '@fastify/otel': '0.21.2',
    '@opentelemetry/context-async-hooks': '3.1.1',
    '@opentelemetry/core': '3.1.1',
    '@opentelemetry/instrumentation': '0.301.1',
    '@opentelemetry/instrumentation-http': '0.301.0',
    '@opentelemetry/instrumentation-undici': '0.34.0',
    '@opentelemetry/sdk-trace': '3.1.1',
  },
  flags: ['--require', './start/fastify-otel.cjs'],
  frameworks: ['fastify'] as const,
};

export const PEERS: readonly Peer[] = [
  { title: 'no tracer, no SDK', packages: API_10, flags: [], continues: false, writes: false },
  {
    title: '`@opentelemetry/auto-instrumentations-node` 0.82, by `--require`',
    ...auto,
    flags: ['--require', '@opentelemetry/auto-instrumentations-node/register'],
  },
  {
    title: '`@opentelemetry/auto-instrumentations-node` 0.82, by `--import`',
    ...auto,
    flags: ['--import', '@opentelemetry/auto-instrumentations-node/register'],
  },
  {
    title: 'Sentry 10.60',
    ...sentry('10.60.0'),
    doubles: {
      calls: ['tracedFetch', 'traceInterceptor'],
      reason:
        'with `propagateTraceparent`, it adds one of zeros where tracing is suppressed. 10.66 does not.',
    },
  },
  { title: 'Sentry 10.66', ...sentry('10.66.0') },
  { title: 'Sentry 10.78', ...sentry('10.78.0') },
  {
    title: 'Sentry 10.78, `openTelemetryBasicTracerProvider`',
    ...sentry('10.78.0', { openTelemetryBasicTracerProvider: true }),
  },
  {
    title: 'Sentry 10.78, `skipOpenTelemetrySetup` and an SDK of its own',
    ...sentry('10.78.0', { skipOpenTelemetrySetup: true }),
  },
  { title: 'Sentry 11.12', ...sentry('11.12.0') },
  {
    title: 'Sentry 11.12 without `propagateTraceparent`',
    ...sentry('11.12.0', { propagateTraceparent: false }),
    writes: false,
  },
  {
    title: 'Sentry 11.12, `enableOpenTelemetrySetup`',
    ...sentry('11.12.0', { enableOpenTelemetrySetup: true }),
  },
  { title: 'dd-trace 6.21', ...ddTrace },
  { title: 'dd-trace 6.21 with its OpenTelemetry bridge', ...ddTrace, env: { BRIDGE: '1' } },
  { title: '`@fastify/otel` 0.21 alone', ...fastifyOtel },
  {
    title: '`@fastify/otel` 0.21 with the instrumentations of `node:http` and undici',
    ...fastifyOtel,
    env: { HTTP: '1' },
    doubles: UNDICI,
  },
];
