import { startTracing, type TracingOptions } from '@throughline/sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) vi.stubEnv(name, undefined);
});
afterEach(() => vi.unstubAllEnvs());

/** What is said about options, and about variables with `strict: true` where spans are sent, so that all are used. */
function refusal(options: object, env: Record<string, string> = {}): string {
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:9');
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  try {
    startTracing({ strict: true, ...options } as TracingOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as Error).message.replace('[throughline/sdk] startTracing()', '');
  }
  throw new Error('startTracing() took it');
}

describe('options', () => {
  const named = { serviceName: 'orders' };
  it.each<[object, string]>([
    [{ serviceName: 7 }, ': options.serviceName must be a non-empty string, got number'],
    [{ serviceName: ' ' }, ": options.serviceName must be a non-empty string, got string ' '"],
    [{ service: 'orders' }, ': options.service does not exist; the options are serviceName, '],
    [
      { ...named, endpoint: 'collector:4318' },
      ': options.endpoint must be a URL that begins with http:// or https://, got',
    ],
    [{ ...named, headers: { key: 1 } }, ': options.headers must be an object of strings'],
    [
      { ...named, headers: { 'a key': 'x' } },
      ': options.headers must be an object of strings that HTTP allows',
    ],
    [
      { ...named, headers: { key: 'a\nb' } },
      ': options.headers must be an object of strings that HTTP allows',
    ],
    [{ ...named, strict: 'yes' }, ": options.strict must be a boolean, got string 'yes'"],
    [
      { ...named, propagators: [] },
      ': options.propagators must be a name or an array of names, got an array',
    ],
    [
      { ...named, propagators: ' , ' },
      ': options.propagators must be a name or an array of names, got string',
    ],
    [
      { ...named, propagators: ['baggage', 'none'] },
      ": options.propagators: 'none' stands beside other names",
    ],
    [{ ...named, propagators: 'none,b3' }, ": options.propagators: 'none' stands beside other names"],
    [
      { ...named, resourceAttributes: { at: Promise.resolve() } },
      ': options.resourceAttributes must be an object of',
    ],
    [{ ...named, spanProcessors: [{}] }, ': options.spanProcessors must be an array of span processors'],
    [
      { ...named, shutdownTimeout: -1 },
      ': options.shutdownTimeout must be a number of milliseconds, got number',
    ],
    [{ ...named, handleSignals: 'no' }, ": options.handleSignals must be a boolean, got string 'no'"],
    [
      { ...named, propagators: 'w3c' },
      ': options.propagators: unknown propagator "w3c"; known names are tracecontext,',
    ],
    [{ ...named, sampling: 0.1 }, ': options.sampling must be an object, got number'],
    [
      { ...named, sampling: { ratio: 10 } },
      ' sampling: options.ratio must be a number from 0 to 1, got number',
    ],
    [
      { ...named, sampling: { perSecond: 0 } },
      ' sampling: options.perSecond must be a number greater than 0',
    ],
    [{ ...named, sampling: { rules: [{ path: '/' }] } }, ' sampling.rules[0]: options.path does not exist'],
    [
      { ...named, sampling: { rules: [{ route: 'health' }] } },
      ' sampling.rules[0]: options.route must be a pattern that',
    ],
    [
      { ...named, sampling: { rules: [{ ratio: 0 }] } },
      ': sampling.rules[0] needs a route, a name or attributes',
    ],
  ])('%o is refused', (options, message) => {
    expect(refusal(options)).toContain(message);
  });
});

describe('environment variables', () => {
  it.each([
    [
      'OTEL_TRACES_SAMPLER',
      'on',
      "is 'on'; must be one of always_on, always_off, traceidratio, parentbased_always_on,",
    ],
    ['OTEL_TRACES_EXPORTER', 'zipkin', "has 'zipkin'; each must be one of otlp, console, none"],
    ['OTEL_METRICS_EXPORTER', 'otlp,prometheus', "has 'prometheus'; each must be one of otlp, console, none"],
    ['OTEL_PROPAGATORS', 'w3c', ': unknown propagator "w3c"; known names are tracecontext, baggage,'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', "is 'grpc'; must be one of http/protobuf, http/json"],
    ['OTEL_EXPORTER_OTLP_METRICS_PROTOCOL', 'grpc', "is 'grpc'; must be one of http/protobuf, http/json"],
    [
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'localhost:4318',
      "is 'localhost:4318'; must be a URL that begins with http:// or",
    ],
    [
      'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
      'collector',
      "is 'collector'; must be a URL that begins with http:// or",
    ],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'secret', 'must be a list of key=value with commas between them'],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', '10s', "is '10s'; must be a whole number from 0 to 2147483647"],
    ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zstd', "is 'zstd'; must be one of none, gzip"],
    [
      'OTEL_EXPORTER_OTLP_CERTIFICATE',
      '/no/such/file',
      "is '/no/such/file'; must be a file that this process can read",
    ],
    [
      'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE',
      'sum',
      "is 'sum'; must be one of cumulative, delta, lowmemory",
    ],
    [
      'OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION',
      'exponential',
      "is 'exponential'; must be one of explicit_bucket_histogram,",
    ],
    ['OTEL_METRIC_EXPORT_INTERVAL', '0', "is '0'; must be a whole number from 1 to 2147483647"],
    ['OTEL_METRIC_EXPORT_TIMEOUT', '70000', "is '70000'; must not exceed the interval of 60000"],
    ['OTEL_BSP_SCHEDULE_DELAY', '-1', "is '-1'; must be a whole number from 0 to 2147483647"],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '1e3', "is '1e3'; must be a whole number of at least 1"],
    ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', '4096', "is '4096'; must not exceed the queue size of 2048"],
    ['OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT', 'many', "is 'many'; must be a whole number of at least 0"],
    ['OTEL_RESOURCE_ATTRIBUTES', 'team=a=b', "is 'team=a=b'; must be a list of key=value"],
    ['OTEL_RESOURCE_ATTRIBUTES', 'team=%zz', "is 'team=%zz'; must be a list of key=value"],
    ['OTEL_SDK_DISABLED', 'yes', "is 'yes'; must be one of true, false"],
    ['OTEL_LOG_LEVEL', 'loud', "is 'loud'; must be one of none, error, warn, info, debug, verbose, all"],
    ['OTEL_CONFIG_FILE', 'otel.yaml', 'is not supported'],
  ])('%s=%s is refused', (name, value, message) => {
    const text = refusal({ serviceName: 'orders' }, { [name]: value });
    expect(text).toContain(`: ${name}${message.startsWith(':') ? '' : ' '}${message}`);
  });

  it('that are wrong are told together, each once', () => {
    const text = refusal({}, { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_TRACES_SAMPLER: 'on' });
    expect(text.split('\n')).toEqual([
      ': 3 settings are wrong',
      expect.stringContaining('- OTEL_EXPORTER_OTLP_PROTOCOL is'),
      expect.stringContaining('- OTEL_TRACES_SAMPLER is'),
      '- the service has no name; set options.serviceName or OTEL_SERVICE_NAME',
    ]);
  });

  it('with credentials in an address are not repeated', () => {
    const OTEL_EXPORTER_OTLP_ENDPOINT = 'htp://user:hunter2@collector/?api_key=hunter2';
    const text = refusal({ serviceName: 'orders' }, { OTEL_EXPORTER_OTLP_ENDPOINT });
    expect(text).toContain('REDACTED:REDACTED@collector');
    expect(text).not.toContain('hunter2');
  });

  it('with keys in them are not repeated', () => {
    expect(refusal({ serviceName: 'orders' }, { OTEL_EXPORTER_OTLP_HEADERS: 'hunter2' })).not.toContain(
      'hunter2',
    );
  });

  it.each(['2', 'x'])('OTEL_TRACES_SAMPLER_ARG=%s is refused', (value) => {
    const env = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: value };
    expect(refusal({ serviceName: 'orders' }, env)).toContain('OTEL_TRACES_SAMPLER_ARG is');
  });
});
