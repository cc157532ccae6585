import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { propagation, trace } from '@opentelemetry/api';
import { startTracing, type Tracing } from '@throughline/sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readSettings } from '../src/settings/settings.ts';
import { type OtlpSink, startOtlpSink } from './otlp-sink.ts';

/** So that everything is used that a variable may say something about. */
const BASE = {
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
  OTEL_SERVICE_NAME: 'orders',
  NODE_ENV: 'test',
};

const NUMBERS = ['x', '-1', '1e3', '1.5', '10s', 'NaN', '0x10', '+5', '9'.repeat(20), '"5"', 'null'];
const NOT_ZERO = [...NUMBERS, '0'];
const WORDS = ['x', '1', 'yes', 'otlp none', '"none"', '__proto__', 'constructor'];
const PROTOCOLS = [...WORDS, 'grpc', 'http', 'http/proto'];
const EXPORTERS = [...WORDS, 'prometheus', 'zipkin', 'jaeger', 'logging', 'otlp/stdout', 'grpc', ',', ' , '];
const PAIRS = ['secret', '=', '=v', 'a=%zz', 'a=1,b', `a=${'%e2'}`];
const FILES = ['/no/such/file', '.', '-----BEGIN PRIVATE KEY-----'];
const URLS = ['collector', 'localhost:4318', 'ftp://collector', 'http://', '//collector:4318', 'unix:/sock'];

const OTLP = (signal: '' | 'TRACES_' | 'METRICS_') =>
  ({
    [`OTEL_EXPORTER_OTLP_${signal}ENDPOINT`]: URLS,
    [`OTEL_EXPORTER_OTLP_${signal}PROTOCOL`]: PROTOCOLS,
    [`OTEL_EXPORTER_OTLP_${signal}HEADERS`]: [...PAIRS, 'a key=v', 'key=a%0d%0ab'],
    [`OTEL_EXPORTER_OTLP_${signal}TIMEOUT`]: NUMBERS,
    [`OTEL_EXPORTER_OTLP_${signal}COMPRESSION`]: [...WORDS, 'zstd', 'deflate'],
    [`OTEL_EXPORTER_OTLP_${signal}CERTIFICATE`]: FILES,
    [`OTEL_EXPORTER_OTLP_${signal}CLIENT_CERTIFICATE`]: FILES,
    [`OTEL_EXPORTER_OTLP_${signal}CLIENT_KEY`]: FILES,
  }) satisfies Record<string, readonly string[]>;

/** Every variable that is read, with values that say nothing to this package. */
const ODD: Readonly<Record<string, readonly string[]>> = {
  OTEL_SDK_DISABLED: ['1', '0', 'yes', 'on', 'no', 'truee', '"true"'],
  OTEL_LOG_LEVEL: [...WORDS, 'warning', 'trace', 'fatal'],
  OTEL_PROPAGATORS: [...WORDS, 'ottrace', 'b3-multi', 'w3c', 'datadog', ','],
  OTEL_TRACES_SAMPLER: [...WORDS, 'jaeger_remote', 'parentbased_jaeger_remote', 'xray', 'on', 'always_on,x'],
  OTEL_TRACES_EXPORTER: EXPORTERS,
  OTEL_METRICS_EXPORTER: EXPORTERS,
  OTEL_RESOURCE_ATTRIBUTES: [...PAIRS, 'team=a=b', `team=${'x'.repeat(256)}`, `${'x'.repeat(256)}=1`],
  ...OTLP(''),
  ...OTLP('TRACES_'),
  ...OTLP('METRICS_'),
  OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: [...WORDS, 'sum'],
  OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: [...WORDS, 'exponential'],
  OTEL_METRIC_EXPORT_INTERVAL: NOT_ZERO,
  OTEL_METRIC_EXPORT_TIMEOUT: [...NUMBERS, '70000'],
  OTEL_BSP_SCHEDULE_DELAY: NUMBERS,
  OTEL_BSP_EXPORT_TIMEOUT: NUMBERS,
  OTEL_BSP_MAX_QUEUE_SIZE: NOT_ZERO,
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: [...NOT_ZERO, '4096'],
  OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: NUMBERS,
  OTEL_ATTRIBUTE_COUNT_LIMIT: NUMBERS,
  OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: NUMBERS,
  OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: NUMBERS,
  OTEL_SPAN_EVENT_COUNT_LIMIT: NUMBERS,
  OTEL_SPAN_LINK_COUNT_LIMIT: NUMBERS,
  OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: NUMBERS,
  OTEL_LINK_ATTRIBUTE_COUNT_LIMIT: NUMBERS,
  OTEL_CONFIG_FILE: ['otel.yaml'],
};
/** Anything goes as a name, and an argument is odd only where a sampler takes one. */
const NOT_IN_TABLE = ['OTEL_SERVICE_NAME', 'OTEL_TRACES_SAMPLER_ARG'];

/** The settings of an environment, apart from what is compared by itself. */
function settings(env: Record<string, string | undefined>, options = {}) {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) vi.stubEnv(name, undefined);
  for (const [name, value] of Object.entries({ ...BASE, ...env })) vi.stubEnv(name, value);
  const { notices, hidden: _, propagator, ...rest } = readSettings(options);
  return { notices, rest: { ...rest, fields: propagator.fields() } };
}
afterEach(() => vi.unstubAllEnvs());

describe('every variable', () => {
  it('of the README is in the table', async () => {
    const readme = await readFile(join(import.meta.dirname, '../README.md'), 'utf8');
    const table = /## The environment\n([\s\S]*?)\n## /.exec(readme)?.[1] as string;
    let last = '';
    const named = [...table.matchAll(/`(OTEL_[A-Z_]+|…?_[A-Z_]+_?)(?=[`:])/g)].map(
      ([, name]) => name as string,
    );
    expect(named.length).toBeGreaterThan(30);
    for (const name of named) {
      if (name.startsWith('OTEL_')) last = name;
      if (!name.startsWith('OTEL_') || name.endsWith('_')) continue;
      if (!NOT_IN_TABLE.includes(last)) expect(Object.keys(ODD)).toContain(last);
    }
  });

  it.each(Object.entries(ODD).flatMap(([name, values]) => values.map((value) => [name, value] as const)))(
    '%s=%s: one notice, and the default',
    (name, value) => {
      const { notices, rest } = settings({ [name]: value });
      expect(rest).toEqual(settings({ [name]: undefined }).rest);
      expect(notices).toHaveLength(1);
      expect(notices[0]).toContain(name);
      expect(notices[0]).not.toMatch(/[\n\r]/);
      expect(() => settings({ [name]: value }, { strict: true })).toThrow(name);
    },
  );

  it.each(Object.keys(ODD))('%s: empty and blank count as not set', (name) => {
    for (const value of ['', '  ', '\t']) {
      const blank = settings({ [name]: value });
      expect(blank).toEqual(settings({ [name]: undefined }));
      expect(blank.notices).toEqual([]);
    }
  });

  it.each(['2', '-0.1', 'x', 'NaN', '1,5'])('OTEL_TRACES_SAMPLER_ARG=%s: one notice, and 1', (value) => {
    const OTEL_TRACES_SAMPLER = 'traceidratio';
    const odd = settings({ OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG: value });
    expect(odd.rest).toEqual(settings({ OTEL_TRACES_SAMPLER }).rest);
    expect(odd.notices).toEqual([expect.stringContaining('OTEL_TRACES_SAMPLER_ARG')]);
  });
});

describe('letter case, white space and repetition mean nothing', () => {
  it.each([
    ['OTEL_TRACES_EXPORTER', ' OTLP , console,otlp', 'otlp,console'],
    ['OTEL_METRICS_EXPORTER', 'None', 'none'],
    ['OTEL_METRICS_EXPORTER', 'none,none', 'none'],
    ['OTEL_PROPAGATORS', 'TraceContext, B3,b3', 'tracecontext,b3'],
    ['OTEL_TRACES_SAMPLER', 'ALWAYS_OFF', 'always_off'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'HTTP/JSON', 'http/json'],
    ['OTEL_EXPORTER_OTLP_COMPRESSION', 'GZIP', 'gzip'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', ' HTTP://Collector:4318 ', 'http://collector:4318'],
    ['OTEL_LOG_LEVEL', 'Debug', 'debug'],
    ['OTEL_SDK_DISABLED', 'TRUE', 'true'],
    ['OTEL_SDK_DISABLED', 'False', 'false'],
    ['OTEL_METRIC_EXPORT_INTERVAL', ' 5000 ', '5000'],
  ])('%s=%s is %s', (name, given, same) => {
    const { notices, rest } = settings({ [name]: given });
    expect(notices).toEqual([]);
    expect(rest).toEqual(settings({ [name]: same }).rest);
  });
});

describe('a list', () => {
  it.each([
    ['OTEL_PROPAGATORS', 'baggage,none', 'baggage', "has 'none' beside other names"],
    ['OTEL_PROPAGATORS', 'none,tracecontext', 'tracecontext', "has 'none' beside other names"],
    ['OTEL_TRACES_EXPORTER', 'otlp,none', 'otlp', "has 'none' beside other names"],
    ['OTEL_METRICS_EXPORTER', 'none,console', 'console', "has 'none' beside other names"],
    ['OTEL_PROPAGATORS', 'tracecontext,ottrace', 'tracecontext', 'unknown propagator "ottrace"'],
    ['OTEL_METRICS_EXPORTER', 'otlp,prometheus', 'otlp', "has 'prometheus'"],
    ['OTEL_TRACES_EXPORTER', 'console,zipkin,jaeger', 'console', "has 'zipkin'"],
  ])('%s=%s is %s, with one notice', (name, given, same, said) => {
    const { notices, rest } = settings({ [name]: given });
    expect(notices).toEqual([expect.stringContaining(said)]);
    expect(rest).toEqual(settings({ [name]: same }).rest);
  });
});

describe('0 means no limit', () => {
  it.each([
    ['OTEL_EXPORTER_OTLP_TIMEOUT', { traces: { sending: { otlp: { timeout: 0x7fff_ffff } } } }],
    ['OTEL_EXPORTER_OTLP_METRICS_TIMEOUT', { metrics: { otlp: { timeout: 0x7fff_ffff } } }],
    ['OTEL_BSP_EXPORT_TIMEOUT', { traces: { sending: { batch: { exportTimeoutMillis: 0x7fff_ffff } } } }],
    // As long as the SDK's reader allows: until the next one.
    ['OTEL_METRIC_EXPORT_TIMEOUT', { metrics: { timeout: 60_000 } }],
  ])('%s', (name, signals) => {
    expect(settings({ [name]: '0' })).toMatchObject({ notices: [], rest: { signals } });
  });
});

describe('what is not used is not read', () => {
  const wrong = (...names: string[]) => Object.fromEntries(names.map((name) => [name, 'odd=']));
  const all = Object.keys(ODD);
  it.each<[string, Record<string, string>, string[]]>([
    [
      'OTEL_SDK_DISABLED=true',
      { OTEL_SDK_DISABLED: 'true' },
      all.filter((name) => name !== 'OTEL_PROPAGATORS'),
    ],
    [
      'no exporter',
      { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' },
      all.filter((name) =>
        /_BSP_|_PROTOCOL|_HEADERS|_TIMEOUT|_METRIC_|_LIMIT|_SAMPLER|CERTIFICATE/.test(name),
      ),
    ],
    [
      'OTEL_METRICS_EXPORTER=none',
      { OTEL_METRICS_EXPORTER: 'none' },
      all.filter((name) => /METRICS?_(?!EXPORTER|ENDPOINT)/.test(name) && !/METRICS_ENDPOINT/.test(name)),
    ],
    [
      'OTEL_TRACES_EXPORTER=console',
      { OTEL_TRACES_EXPORTER: 'console', OTEL_METRICS_EXPORTER: 'none' },
      ['OTEL_BSP_MAX_QUEUE_SIZE', 'OTEL_EXPORTER_OTLP_PROTOCOL', 'OTEL_EXPORTER_OTLP_HEADERS'],
    ],
  ])('with %s', (_, env, names) => {
    expect(names.length).toBeGreaterThan(2);
    expect(() => settings({ ...wrong(...names), ...env }, { strict: true })).not.toThrow();
  });

  it('where an option says the same', () => {
    const options = {
      strict: true,
      endpoint: 'http://127.0.0.1:9',
      sampling: {},
      propagators: 'b3',
    };
    const env = wrong(
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
      'OTEL_TRACES_SAMPLER',
      'OTEL_PROPAGATORS',
    );
    expect(() => settings(env, options)).not.toThrow();
  });
});

describe('a process', () => {
  let sink: OtlpSink;
  let tracing: Tracing | undefined;
  let stderr: string[];
  beforeEach(async () => {
    stderr = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => stderr.push(String(chunk)) > 0);
    sink = await startOtlpSink();
    for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) vi.stubEnv(name, undefined);
  });
  afterEach(async () => {
    await tracing?.shutdown();
    tracing = undefined;
    await sink.close();
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });
  const start = (env: Record<string, string>, options = {}) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    tracing = startTracing(options);
    return tracing;
  };

  it('whose platform sets everything for another language: one line, and its spans arrive', async () => {
    const env = Object.fromEntries(
      Object.entries(ODD)
        .filter(([name]) => name !== 'OTEL_LOG_LEVEL')
        .map(([name, values]) => [name, values[0] as string]),
    );
    const { flush } = start({ ...env, OTEL_EXPORTER_OTLP_ENDPOINT: sink.url });
    trace.getTracer('test').startSpan('work').end();
    expect(await flush()).toBe(true);
    expect(sink.spans).toMatchObject([
      { name: 'work', resource: { 'service.name': expect.stringMatching(/^unknown_service/) } },
    ]);
    expect(propagation.fields()).toEqual(['traceparent', 'tracestate', 'baggage']);
    expect(stderr).toHaveLength(1);
    for (const name of Object.keys(env))
      if (name !== 'OTEL_EXPORTER_OTLP_ENDPOINT') expect(stderr[0]).toContain(name);
    expect(stderr[0]?.indexOf('\n')).toBe((stderr[0] as string).length - 1);
    expect(process.env.OTEL_EXPORTER_OTLP_TIMEOUT).toBe('x');
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_HEADERS', 'hunter2'],
    ['OTEL_EXPORTER_OTLP_CLIENT_KEY', '-----BEGIN PRIVATE KEY-----\nhunter2=='],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'ftp://user:hunter2@collector'],
    ['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'user:hunter2@collector:4318'],
  ])('%s that is wrong and holds a secret is named without it', (name, value) => {
    start({ OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, [name]: value }, { serviceName: 'orders' });
    expect(stderr).toHaveLength(1);
    expect(stderr[0]).toContain(name);
    expect(stderr[0]).not.toContain('hunter2');
  });

  it('that is switched off stands in no other SDK’s way', () => {
    propagation.disable();
    propagation.setGlobalPropagator({ inject() {}, extract: (context) => context, fields: () => ['theirs'] });
    const { status } = start({ OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' });
    expect(status().state).toBe('propagating');
    expect(propagation.fields()).toEqual(['theirs']);
    expect(stderr).toEqual([]);
    propagation.disable();
  });

  it('keeps the query of a base endpoint behind the path', async () => {
    const { flush } = start({}, { serviceName: 'orders', endpoint: `${sink.url}/otlp?tenant=a` });
    trace.getTracer('test').startSpan('work').end();
    await flush();
    expect(sink.requests[0]?.url).toBe('/otlp/v1/traces?tenant=a');
  });
});

describe('what would go unnoticed', () => {
  it.each<[string, Record<string, string>, RegExp]>([
    [
      'production without an endpoint',
      { NODE_ENV: 'production', OTEL_EXPORTER_OTLP_ENDPOINT: '' },
      /^no span is recorded, because NODE_ENV is production and no endpoint is set/,
    ],
    [
      'production with an endpoint for metrics alone',
      {
        NODE_ENV: 'production',
        OTEL_EXPORTER_OTLP_ENDPOINT: '',
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://127.0.0.1:9/v1/metrics',
      },
      /^no span is recorded, because NODE_ENV is production and no endpoint is set/,
    ],
    [
      'the port of gRPC',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4317' },
      /^spans are sent to port 4317/,
    ],
    [
      'the port of gRPC for traces',
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector:4317/v1/traces' },
      /^spans are sent to port 4317/,
    ],
    [
      'the port of gRPC for metrics',
      { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://collector:4317' },
      /^metrics are sent to port 4317/,
    ],
    [
      'an argument without its sampler',
      { OTEL_TRACES_SAMPLER_ARG: '0.1' },
      /^OTEL_TRACES_SAMPLER_ARG has no effect/,
    ],
    [
      'an argument of a sampler that takes none',
      { OTEL_TRACES_SAMPLER: 'always_on', OTEL_TRACES_SAMPLER_ARG: '0.1' },
      /^OTEL_TRACES_SAMPLER_ARG has no effect/,
    ],
    ['a service without a name', { OTEL_SERVICE_NAME: '' }, /^the service has no name/],
  ])('%s is said in one line', (_, env, said) => {
    expect(settings(env).notices).toEqual([expect.stringMatching(said)]);
  });

  it.each<[string, Record<string, string>]>([
    ['OTEL_TRACES_EXPORTER=none', { OTEL_TRACES_EXPORTER: 'none' }],
    ['OTEL_TRACES_SAMPLER=always_off', { OTEL_TRACES_SAMPLER: 'always_off' }],
    ['OTEL_PROPAGATORS=none', { OTEL_PROPAGATORS: 'none' }],
    ['OTEL_SDK_DISABLED=true', { OTEL_SDK_DISABLED: 'true' }],
    ['no endpoint in development', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }],
  ])('%s was asked for, and is done without a word', (_, env) => {
    expect(settings(env).notices).toEqual([]);
  });
});
