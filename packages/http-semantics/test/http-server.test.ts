import {
  type Attributes,
  context,
  createContextKey,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { RPCType, setRPCMetadata } from '@opentelemetry/core';
import { AlwaysOffSampler, AlwaysOnSampler, SamplingDecision } from '@opentelemetry/sdk-trace';
import { activeContext } from '@throughline/core';
import { traceHeaders } from '@throughline/fetch';
import {
  createHttpServerTracer,
  type HttpServerOptions,
  type HttpServerOutcome,
  type HttpServerRequest,
  type RequestHeaders,
} from '@throughline/http-semantics';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  createMeters,
  listenToDiag,
  type Recorder,
  SPAN_ID,
  startSdk,
  stopSdk,
  TRACE_ID,
  TRACEPARENT,
  UNSAMPLED,
  w3c,
} from '../../core/test/sdk.ts';

let spans: Recorder;
beforeEach(() => {
  spans = startSdk();
});
afterEach(stopSdk);

const request = (parts: Partial<HttpServerRequest> = {}): HttpServerRequest => ({
  method: 'GET',
  target: '/',
  scheme: 'http',
  headers: {},
  ...parts,
});

/** The span of one request that is served with `options`. */
function served(
  parts: Partial<HttpServerRequest> = {},
  options: HttpServerOptions = {},
  outcome: HttpServerOutcome = { statusCode: 200 },
  fail?: unknown,
) {
  const exchange = createHttpServerTracer(options).start(request(parts));
  if (fail !== undefined) exchange.fail(fail);
  exchange.end(outcome);
  return spans.ended.splice(0)[0];
}
const attributesOf = (...args: Parameters<typeof served>): Attributes => served(...args)?.attributes ?? {};

describe('attributes', () => {
  test('what a sampler may ask for is there at creation, the connection right after, under the schema', () => {
    const shouldSample = vi.fn((..._: unknown[]) => ({ decision: SamplingDecision.RECORD_AND_SAMPLED }));
    stopSdk();
    spans = startSdk({ shouldSample, toString: () => 'spy' });
    const span = served(
      {
        method: 'POST',
        target: '/items/1?q=x&sig=s3cret',
        scheme: 'https',
        headers: { host: 'shop.example:8443', 'user-agent': 'test/1', accept: 'a/b', 'x-many': ['1', '2'] },
        protocolVersion: '1.1',
        peerAddress: '192.0.2.1',
        peerPort: 4711,
      },
      {
        captureRequestHeaders: ['Accept', 'X-Many'],
        attributes: ({ target }) => ({ 'app.length': target.length }),
      },
    );
    const [, , name, kind, seen] = shouldSample.mock.calls[0] ?? [];
    const expected = {
      'http.request.method': 'POST',
      'url.path': '/items/1',
      'url.query': 'q=x&sig=REDACTED',
      'url.scheme': 'https',
      'server.address': 'shop.example',
      'server.port': 8443,
      'client.address': '192.0.2.1',
      'user_agent.original': 'test/1',
      'http.request.header.accept': ['a/b'],
      'http.request.header.x-many': ['1', '2'],
      'app.length': 23,
    };
    const connection = {
      'network.peer.address': '192.0.2.1',
      'network.peer.port': 4711,
      'network.protocol.version': '1.1',
    };
    expect(seen).toEqual(expected);
    expect(name).toBe('POST');
    expect(kind).toBe(SpanKind.SERVER);
    expect(span?.attributes).toEqual({ ...expected, ...connection, 'http.response.status_code': 200 });
    expect(span?.instrumentationScope).toMatchObject({
      name: '@throughline/http-semantics',
      schemaUrl: 'https://opentelemetry.io/schemas/1.45.0',
    });
  });

  test('what the application says of the connection stands', () => {
    const span = served(
      { method: 'GET', target: '/', scheme: 'http', headers: {}, peerAddress: '192.0.2.1', peerPort: 4711 },
      { attributes: () => ({ 'network.peer.address': 'REDACTED' }) },
    );
    expect(span?.attributes).toMatchObject({ 'network.peer.address': 'REDACTED', 'network.peer.port': 4711 });
  });

  test.each<[string, Attributes]>([
    ['/', { 'url.path': '/' }],
    ['', { 'url.path': '' }],
    ['/a%20b/%ff?x=%41#frag', { 'url.path': '/a%20b/%ff', 'url.query': 'x=%41' }],
    ['/a?', { 'url.path': '/a', 'url.query': '' }],
    ['/a?b?c', { 'url.path': '/a', 'url.query': 'b?c' }],
    ['/a#b?c', { 'url.path': '/a' }],
    ['//evil.test/a', { 'url.path': '//evil.test/a' }],
    ['*', { 'url.path': '*' }],
    [
      'http://shop.example/a?b',
      { 'url.path': '/a', 'url.query': 'b', 'server.address': 'shop.example', 'server.port': 80 },
    ],
    ['HTTP://[2001:db8::1]:81', { 'url.path': '/', 'server.address': '2001:db8::1', 'server.port': 81 }],
    ['http://user:secret@shop.example/a', { 'url.path': '/a' }],
  ])('of the request-target %j', (target, expected) => {
    const {
      'http.request.method': _m,
      'url.scheme': _s,
      'http.response.status_code': _c,
      ...rest
    } = attributesOf({ target });
    expect(rest).toEqual(expected);
  });

  test.each<[string, string | undefined, number | undefined]>([
    ['shop.example', 'shop.example', 80],
    ['shop.example:8080', 'shop.example', 8080],
    ['[::1]:3000', '::1', 3000],
    ['192.0.2.1', '192.0.2.1', 80],
    ['shop.example:65536', undefined, undefined],
    ['shop.example:', undefined, undefined],
    ['user@shop.example', undefined, undefined],
    ['a b', undefined, undefined],
    ['[::1', undefined, undefined],
    ['', undefined, undefined],
    ['a/b', undefined, undefined],
    ['x'.repeat(300), undefined, undefined],
  ])('of the host %j', (host, address, port) => {
    const seen = attributesOf({ headers: { host } });
    expect([seen['server.address'], seen['server.port']]).toEqual([address, port]);
  });

  test(':authority goes before host', () => {
    expect(
      attributesOf({ headers: { ':authority': 'a.example', host: 'b.example' } })['server.address'],
    ).toBe('a.example');
  });

  test.each<[string, string, string | undefined]>([
    ['GET', 'GET', undefined],
    ['PATCH', 'PATCH', undefined],
    ['QUERY', 'QUERY', undefined],
    ['get', '_OTHER', 'get'],
    ['PROPFIND', '_OTHER', 'PROPFIND'],
    ['__proto__', '_OTHER', '__proto__'],
  ])('of the method %s', (method, value, original) => {
    const span = served({ method });
    expect(span?.attributes['http.request.method']).toBe(value);
    expect(span?.attributes['http.request.method_original']).toBe(original);
    expect(span?.name).toBe(original === undefined ? method : 'HTTP');
  });

  test('OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS replaces the list', () => {
    vi.stubEnv('OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS', ' PROPFIND , GET');
    expect(attributesOf({ method: 'PROPFIND' })['http.request.method']).toBe('PROPFIND');
    expect(attributesOf({ method: 'POST' })['http.request.method']).toBe('_OTHER');
    vi.unstubAllEnvs();
  });
});

describe('query redaction', () => {
  test.each<[string, string]>([
    ['a=1&b=2', 'a=1&b=2'],
    ['sig=x&sig2=y', 'sig=REDACTED&sig2=y'],
    ['X-Amz-Signature=x&X-Amz-Credential=y', 'X-Amz-Signature=REDACTED&X-Amz-Credential=REDACTED'],
    [
      'X-Amz-Security-Token=x&AWSAccessKeyId=y&Signature=z',
      'X-Amz-Security-Token=REDACTED&AWSAccessKeyId=REDACTED&Signature=REDACTED',
    ],
    ['X-Goog-Signature=x', 'X-Goog-Signature=REDACTED'],
    ['Sig=kept', 'Sig=kept'],
    [
      'access_token=x&api_key=y&apikey=z&API-KEY=w',
      'access_token=REDACTED&api_key=REDACTED&apikey=REDACTED&API-KEY=REDACTED',
    ],
    [
      'password=x&passwd=y&pwd=z&client_secret=w',
      'password=REDACTED&passwd=REDACTED&pwd=REDACTED&client_secret=REDACTED',
    ],
    ['%73ig=x', '%73ig=REDACTED'],
    ['to%6ben=x', 'to%6ben=REDACTED'],
    ['%ZZtoken=x', '%ZZtoken=REDACTED'],
    ['token=a=b=c', 'token=REDACTED'],
    ['token', 'token'],
    ['token=', 'token=REDACTED'],
    ['=x&&a', '=x&&a'],
    ['a=1&token=x&a=2', 'a=1&token=REDACTED&a=2'],
  ])('%s', (query, expected) => {
    expect(attributesOf({ target: `/?${query}` })['url.query']).toBe(expected);
  });

  test('a list of the user’s own replaces the rules', () => {
    const redacted = (redactQuery: string[]) =>
      attributesOf({ target: '/?token=x&mine=y' }, { redactQuery })['url.query'];
    expect(redacted(['mine'])).toBe('token=x&mine=REDACTED');
    expect(redacted([])).toBe('token=x&mine=y');
  });

  test('changes nothing but the values of secrets', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (text) => {
        const query = text.replaceAll('#', '');
        const seen = String(attributesOf({ target: `/?${query}` })['url.query']);
        const names = (list: string) => list.split('&').map((part) => part.split('=', 1)[0]);
        expect(names(seen)).toEqual(names(query));
      }),
      { numRuns: 300 },
    );
  });
});

describe('forwarded headers', () => {
  const forwarded = (
    headers: RequestHeaders,
    parts: Partial<HttpServerRequest> = {},
    trustProxy: boolean | 'unset' = true,
  ) => {
    const seen = attributesOf(
      { peerAddress: '10.0.0.9', ...parts, headers: { host: 'inner', ...headers } },
      trustProxy === 'unset' ? {} : { trustProxy },
    );
    return [seen['url.scheme'], seen['server.address'], seen['server.port'], seen['client.address']];
  };
  const own = ['http', 'inner', 80, '10.0.0.9'];

  test.each<[string, RequestHeaders, unknown[]]>([
    ['none', {}, own],
    [
      'X-Forwarded-*',
      {
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'shop.example',
        'x-forwarded-for': '192.0.2.1, 10.0.0.2',
      },
      ['https', 'shop.example', 443, '192.0.2.1'],
    ],
    [
      'Forwarded',
      { forwarded: 'for=192.0.2.1;proto=https;host="shop.example:8443", for=10.0.0.2' },
      ['https', 'shop.example', 8443, '192.0.2.1'],
    ],
    [
      'Forwarded goes before X-Forwarded-*',
      { forwarded: 'proto=https', 'x-forwarded-for': '192.0.2.9' },
      ['https', 'inner', 443, '10.0.0.9'],
    ],
    [
      'names in any letter case',
      { forwarded: 'For="[2001:db8::1]:4711";Proto=HTTPS' },
      ['https', 'inner', 443, '2001:db8::1'],
    ],
    ['an address with its port', { 'x-forwarded-for': '192.0.2.1:4711' }, ['http', 'inner', 80, '192.0.2.1']],
    ['IPv6 without brackets', { 'x-forwarded-for': '2001:db8::1' }, ['http', 'inner', 80, '2001:db8::1']],
    ['an obfuscated name', { forwarded: 'for=_hidden' }, ['http', 'inner', 80, '_hidden']],
    ['unknown', { forwarded: 'for=unknown' }, own],
    ['markup', { 'x-forwarded-for': '<script>alert(1)</script>' }, own],
    ['a line of text', { 'x-forwarded-for': 'drop table users' }, own],
    ['a scheme that is none', { 'x-forwarded-proto': 'javascript' }, own],
    ['a host that is none', { 'x-forwarded-host': 'a b/c' }, ['http', undefined, undefined, '10.0.0.9']],
    ['an endless list', { 'x-forwarded-for': '192.0.2.1,'.repeat(1_000) }, own],
    ['an endless address', { 'x-forwarded-for': '1'.repeat(100) }, own],
    ['only commas', { 'x-forwarded-for': ',,,', forwarded: ',' }, own],
    ['broken pairs', { forwarded: ';;=;=x;for' }, own],
    [
      'several header lines',
      { 'x-forwarded-for': ['192.0.2.1', '192.0.2.2'] },
      ['http', 'inner', 80, '192.0.2.1'],
    ],
  ])('%s', (_, headers, expected) => expect(forwarded(headers)).toEqual(expected));

  test('are believed only on request; by default the framework’s own resolution counts', () => {
    const headers = { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https' };
    const framework = { forwarded: { scheme: 'https', host: 'shop.example', clientAddress: '192.0.2.7' } };
    expect(forwarded(headers, {}, 'unset')).toEqual(own);
    expect(forwarded(headers, framework, 'unset')).toEqual(['https', 'shop.example', 443, '192.0.2.7']);
    expect(forwarded(headers, framework, false)).toEqual(own);
    expect(forwarded(headers, framework, true)).toEqual(['https', 'inner', 443, '192.0.2.1']);
  });
});

describe('outcomes', () => {
  const coded = (code: unknown, cause?: unknown) => Object.assign(new Error('x', { cause }), { code });
  class PaymentError extends Error {
    override name = 'PaymentError';
  }
  test.each<[string, HttpServerOutcome, unknown, string | undefined]>([
    ['200', { statusCode: 200 }, undefined, undefined],
    ['302', { statusCode: 302 }, undefined, undefined],
    ['404', { statusCode: 404 }, undefined, undefined],
    ['499 with an error noted', { statusCode: 499 }, new Error('x'), undefined],
    ['500', { statusCode: 500 }, undefined, '500'],
    ['503 with an error noted', { statusCode: 503 }, new TypeError('x'), '503'],
    ['client gone', { cutShort: 'client_disconnected' }, undefined, 'client_disconnected'],
    [
      'client gone in mid-body',
      { statusCode: 200, cutShort: 'client_disconnected' },
      undefined,
      'client_disconnected',
    ],
    ['timeout', { cutShort: 'timeout' }, undefined, 'timeout'],
    ['given up', { cutShort: 'response_destroyed' }, undefined, 'response_destroyed'],
    [
      'given up for an error',
      { statusCode: 200, cutShort: 'response_destroyed' },
      new RangeError('x'),
      'RangeError',
    ],
    ['a code', { cutShort: 'response_destroyed' }, coded('ECONNREFUSED'), 'ECONNREFUSED'],
    [
      'the code of the cause',
      { cutShort: 'response_destroyed' },
      new TypeError('fetch failed', { cause: coded('ENOTFOUND') }),
      'ENOTFOUND',
    ],
    ['a code that is none', { cutShort: 'response_destroyed' }, coded('user 42 not found'), 'Error'],
    ['a number for a code', { cutShort: 'response_destroyed' }, coded(11000), 'Error'],
    ['a class of its own', { cutShort: 'response_destroyed' }, new PaymentError('x'), 'PaymentError'],
    [
      'a name with content',
      { cutShort: 'response_destroyed' },
      Object.assign(new Error('x'), { name: 'user 42' }),
      '_OTHER',
    ],
    ['a string thrown', { cutShort: 'response_destroyed' }, 'oh no', '_OTHER'],
    ['null thrown', { cutShort: 'response_destroyed' }, null, '_OTHER'],
    ['an object without a prototype', { cutShort: 'response_destroyed' }, Object.create(null), '_OTHER'],
    [
      'an error whose getters throw',
      { cutShort: 'response_destroyed' },
      Object.defineProperty(new Error('x'), 'code', {
        get() {
          throw new Error('getter');
        },
      }),
      '_OTHER',
    ],
    [
      'a Proxy that throws',
      { cutShort: 'response_destroyed' },
      new Proxy(
        {},
        {
          get() {
            throw new Error('trap');
          },
          getPrototypeOf() {
            throw new Error('trap');
          },
        },
      ),
      '_OTHER',
    ],
    ['a cause that is a circle', { cutShort: 'response_destroyed' }, circular(), 'Error'],
    ['nothing sent, an error noted', {}, new SyntaxError('x'), 'SyntaxError'],
  ])('%s', (name, outcome, fail, errorType) => {
    const span = served({}, {}, outcome, fail);
    expect(span?.attributes['error.type']).toBe(errorType);
    expect(span?.status.code).toBe(errorType === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR);
    expect(span?.status.message).toBeUndefined();
    expect(span?.attributes['http.response.status_code']).toBe(outcome.statusCode);
    expect(span?.events.map((event) => event.name)).toEqual(
      errorType === undefined || fail === undefined || /getters|Proxy|without a prototype/.test(name)
        ? []
        : ['exception'],
    );
  });

  test('the first error noted counts, and the first end', async () => {
    const meters = createMeters();
    const exchange = createHttpServerTracer({ meterProvider: meters.provider }).start(request());
    exchange.fail(new RangeError('first'));
    exchange.fail(new TypeError('second'));
    exchange.end({ cutShort: 'response_destroyed' });
    exchange.end({ statusCode: 200 });
    expect(spans.ended).toHaveLength(1);
    expect(spans.ended[0]?.attributes).toMatchObject({ 'error.type': 'RangeError' });
    expect((await meters.points('http.server.request.duration')).map(({ value }) => value.count)).toEqual([
      1,
    ]);
    expect(spans.ended[0]?.attributes['http.response.status_code']).toBeUndefined();
  });

  test('names: method and route, the framework’s word before setRoute, the user’s function before both', () => {
    expect(served({}, {}, { statusCode: 200, route: '/items/:id' })).toMatchObject({
      name: 'GET /items/:id',
    });
    const exchange = createHttpServerTracer().start(request());
    exchange.setRoute('/mine/:id');
    exchange.end({ statusCode: 200 });
    expect(spans.ended.splice(0)[0]).toMatchObject({
      name: 'GET /mine/:id',
      attributes: { 'http.route': '/mine/:id' },
    });
    const spanName = vi.fn((_: HttpServerRequest, route: string | undefined) => `custom ${route}`);
    expect(served({}, { spanName }, { statusCode: 200, route: '/r' })?.name).toBe('custom /r');
    for (const bad of [
      () => '',
      () => 7,
      () => {
        throw new Error('no');
      },
      async () => 'x',
    ])
      expect(served({}, { spanName: bad as never })?.name).toBe('GET');
  });

  test('records listed response headers alone', () => {
    const header = (name: string) => ({ etag: '"1"', 'set-cookie': ['a', 'b'] })[name];
    const seen = attributesOf(
      {},
      { captureResponseHeaders: ['ETag', 'Set-Cookie', 'absent'] },
      { statusCode: 200, header },
    );
    expect(seen).toMatchObject({
      'http.response.header.etag': ['"1"'],
      'http.response.header.set-cookie': ['a', 'b'],
    });
    expect(Object.keys(seen).some((name) => name.includes('absent'))).toBe(false);
  });
});

describe('metrics', () => {
  test('duration: name, unit, buckets, scope, attributes, and the error.type of the span', async () => {
    const meters = createMeters();
    const parts = { method: 'brew', headers: { host: 'h' }, protocolVersion: '1.1' };
    const outcome: HttpServerOutcome = { statusCode: 200, route: '/r', cutShort: 'client_disconnected' };
    const span = served(parts, { meterProvider: meters.provider }, outcome);
    const [point] = await meters.points('http.server.request.duration');
    expect(point?.descriptor).toMatchObject({ unit: 's' });
    expect(point?.scope).toMatchObject({
      name: '@throughline/http-semantics',
      schemaUrl: 'https://opentelemetry.io/schemas/1.45.0',
    });
    expect(point?.value).toMatchObject({
      count: 1,
      buckets: { boundaries: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] },
    });
    expect(point?.attributes).toEqual({
      'http.request.method': '_OTHER',
      'url.scheme': 'http',
      'http.response.status_code': 200,
      'http.route': '/r',
      'error.type': span?.attributes['error.type'],
      'network.protocol.version': '1.1',
    });
    expect(await meters.points('http.server.active_requests')).toEqual([]);
  });

  test('active requests on demand: up, and down again', async () => {
    const meters = createMeters();
    const tracer = createHttpServerTracer({ meterProvider: meters.provider, activeRequests: true });
    const exchange = tracer.start(request());
    expect((await meters.points('http.server.active_requests')).map(({ value }) => value)).toEqual([1]);
    exchange.end({ statusCode: 200 });
    const [point] = await meters.points('http.server.active_requests');
    expect(point).toMatchObject({
      value: 0,
      attributes: { 'http.request.method': 'GET', 'url.scheme': 'http' },
    });
  });

  test('unsampled requests, and those without any tracer, are measured; ignored ones are not', async () => {
    const meters = createMeters();
    served({ headers: { traceparent: UNSAMPLED } }, { meterProvider: meters.provider });
    stopSdk();
    served({}, { meterProvider: meters.provider });
    served({}, { meterProvider: meters.provider, ignore: () => true });
    const points = await meters.points('http.server.request.duration');
    expect(points.map(({ value }) => value.count)).toEqual([2]);
  });

  test('without a provider no meter is asked for; one that is registered later is used', async () => {
    const getMeter = vi.spyOn(metrics, 'getMeter');
    const tracer = createHttpServerTracer({ activeRequests: true });
    const serve = () => tracer.start(request()).end({ statusCode: 200 });
    serve();
    expect(getMeter).not.toHaveBeenCalled();
    getMeter.mockRestore();
    const meters = createMeters();
    metrics.setGlobalMeterProvider(meters.provider);
    serve();
    metrics.disable();
    serve();
    expect((await meters.points('http.server.request.duration')).map(({ value }) => value.count)).toEqual([
      1,
    ]);
  });

  test('a meter that throws costs nothing but the measurement', () => {
    const boom = () => {
      throw new Error('no');
    };
    expect(served({}, { meterProvider: { getMeter: boom } })).toBeDefined();
    const createHistogram = () => ({ record: boom });
    const createCounter = () => ({ add: boom });
    expect(
      served({}, { meterProvider: { getMeter: () => ({ createHistogram, createCounter }) } as never }),
    ).toBeDefined();
  });
});

describe('extraction outcomes', () => {
  test.each<[string, RequestHeaders, string]>([
    ['nothing', {}, 'absent'],
    ['a good one', { traceparent: TRACEPARENT }, 'continued'],
    ['a broken one', { traceparent: 'hello' }, 'malformed'],
    ['two joined', { traceparent: `${TRACEPARENT}, ${TRACEPARENT}` }, 'duplicate'],
    ['B3, not spoken here', { b3: `${TRACE_ID}-${SPAN_ID}-1` }, 'foreign:b3'],
    ['B3 multi', { 'x-b3-traceid': TRACE_ID }, 'foreign:b3'],
    ['Jaeger', { 'uber-trace-id': 'x' }, 'foreign:jaeger'],
    ['X-Ray', { 'x-amzn-trace-id': 'Root=1' }, 'foreign:xray'],
    ['OpenCensus', { 'grpc-trace-bin': 'AAAA' }, 'foreign:grpc-trace-bin'],
    ['Datadog', { 'x-datadog-trace-id': '1' }, 'foreign:datadog'],
    ['a broken one beside a foreign one', { b3: '0', traceparent: 'x' }, 'malformed'],
    ['baggage alone', { baggage: 'a=b' }, 'absent'],
  ])('%s', async (_, headers, expected) => {
    const meters = createMeters();
    const exchange = createHttpServerTracer({ meterProvider: meters.provider }).start(request({ headers }));
    exchange.end({ statusCode: 200 });
    expect(exchange.extraction).toBe(expected);
    const odd = expected !== 'absent' && expected !== 'continued';
    expect(spans.ended[0]?.attributes['throughline.extract']).toBe(odd ? expected : undefined);
    expect((await meters.points('throughline.propagation'))[0]?.attributes).toEqual({
      'throughline.propagation.direction': 'extract',
      'throughline.propagation.outcome': expected,
    });
  });
});

describe('trust', () => {
  const headers = { traceparent: TRACEPARENT, tracestate: 'a=1', baggage: 'tenant=acme,user=7' };
  const under = (trust: HttpServerOptions['trust'], more: RequestHeaders = headers) => {
    const exchange = createHttpServerTracer({ trust }).start(request({ headers: more }));
    exchange.end({ statusCode: 200 });
    const span = spans.ended.splice(0)[0];
    const baggage = propagation
      .getBaggage(exchange.context)
      ?.getAllEntries()
      .map(([name]) => name);
    return { exchange, span, baggage, links: span?.links.map(({ context }) => context.spanId) };
  };

  test.each<
    [
      string,
      HttpServerOptions['trust'],
      { continued: boolean; links: string[]; baggage: string[] | undefined },
    ]
  >([
    ['continue', 'continue', { continued: true, links: [], baggage: ['tenant', 'user'] }],
    ['restart', 'restart', { continued: false, links: [SPAN_ID], baggage: undefined }],
    ['ignore', 'ignore', { continued: false, links: [], baggage: undefined }],
    [
      'continue, no baggage',
      { parent: 'continue', baggage: 'drop' },
      { continued: true, links: [], baggage: undefined },
    ],
    [
      'continue, listed baggage',
      { parent: 'continue', baggage: ['tenant', 'absent', '__proto__'] },
      { continued: true, links: [], baggage: ['tenant'] },
    ],
    [
      'restart, all baggage',
      { parent: 'restart', baggage: 'keep' },
      { continued: false, links: [SPAN_ID], baggage: ['tenant', 'user'] },
    ],
    [
      'ignore, listed baggage',
      { parent: 'ignore', baggage: ['user'] },
      { continued: false, links: [], baggage: ['user'] },
    ],
    [
      'a function',
      ({ target }) => (target === '/' ? 'ignore' : 'continue'),
      { continued: false, links: [], baggage: undefined },
    ],
    [
      'a function that throws',
      () => {
        throw new Error('no');
      },
      { continued: false, links: [SPAN_ID], baggage: undefined },
    ],
    [
      'a function that answers nonsense',
      (() => 'yes') as never,
      { continued: false, links: [SPAN_ID], baggage: undefined },
    ],
    [
      'an async function',
      (async () => {
        throw new Error('rejected');
      }) as never,
      { continued: false, links: [SPAN_ID], baggage: undefined },
    ],
  ])('%s', (_, trust, expected) => {
    const { exchange, span, baggage, links } = under(trust);
    expect(span?.spanContext().traceId === TRACE_ID).toBe(expected.continued);
    expect(span?.parentSpanContext?.spanId).toBe(expected.continued ? SPAN_ID : undefined);
    expect(links).toEqual(expected.links);
    expect(baggage).toEqual(expected.baggage);
    expect(exchange.extraction).toBe(expected.continued ? 'continued' : 'untrusted');
    expect(span?.attributes['throughline.extract']).toBe(expected.continued ? undefined : 'untrusted');
  });

  test('the caller’s sampled flag can be replaced, or believed on condition', () => {
    const unsampled = { traceparent: UNSAMPLED };
    expect(under({ parent: 'continue', sampled: false }).span).toBeUndefined();
    expect(under({ parent: 'continue', sampled: true }, unsampled).span?.spanContext().traceId).toBe(
      TRACE_ID,
    );
    const asked = vi.fn(() => true);
    expect(under({ parent: 'continue', sampled: asked }, unsampled).span).toBeUndefined();
    expect(asked).not.toHaveBeenCalled();
    expect(under({ parent: 'continue', sampled: asked }).span).toBeDefined();
    expect(asked).toHaveBeenCalledTimes(1);
    for (const no of [
      () => false,
      () => {
        throw new Error('no');
      },
      async () => true,
    ])
      expect(under({ parent: 'continue', sampled: no as never }).span).toBeUndefined();
  });

  test('nothing brought: nothing distrusted', () => {
    expect(under('restart', {}).exchange.extraction).toBe('absent');
  });
});

test('a propagator may ask for its fields in any letter case', () => {
  const propagator = Object.assign(w3c(), {
    extract(from: typeof ROOT_CONTEXT, carrier: unknown, getter: { get(c: unknown, n: string): unknown }) {
      const name = getter.get(carrier, 'X-Trace-Name');
      return from.setValue(createContextKey('seen'), name);
    },
  });
  const exchange = createHttpServerTracer({ propagator }).start(
    request({ headers: { 'x-trace-name': 'a' } }),
  );
  expect(exchange.context.getValue(createContextKey('seen'))).toBe('a');
  exchange.end({ statusCode: 200 });
});

describe('ignored requests', () => {
  test('make no span, and carry the caller’s context on', () => {
    const exchange = createHttpServerTracer({ ignore: () => true }).start(
      request({ headers: { traceparent: TRACEPARENT } }),
    );
    expect(exchange.run(() => traceHeaders())).toEqual({ traceparent: TRACEPARENT });
    exchange.end({ statusCode: 200 });
    expect(spans.ended).toEqual([]);
  });

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['returns a promise', async () => true],
    [
      'returns a rejected promise',
      async () => {
        throw new Error('no');
      },
    ],
    ['returns something truthy', () => 'yes'],
  ])('a function that %s ignores nothing', (_, ignore) => {
    expect(served({}, { ignore: ignore as () => boolean })).toBeDefined();
  });
});

describe('user functions', () => {
  const rejected: unknown[] = [];
  const note = (reason: unknown) => rejected.push(reason);
  beforeEach(() => void process.on('unhandledRejection', note));
  afterEach(() => {
    process.off('unhandledRejection', note);
    rejected.length = 0;
  });
  const NAMES = ['ignore', 'trust', 'spanName', 'attributes', 'requestHook', 'responseHook'] as const;

  test.each(NAMES)(
    '%s that throws or rejects changes nothing, reports once, and leaves no rejection unhandled',
    async (name) => {
      const lines = listenToDiag();
      const route = { statusCode: 200, route: '/r' };
      for (let round = 0; round < 3; round++) {
        const thrown = served(
          {},
          {
            [name]: () => {
              throw new Error('sync');
            },
          },
          route,
        );
        expect(thrown).toMatchObject({ name: 'GET /r', attributes: { 'http.response.status_code': 200 } });
        expect(
          served(
            {},
            {
              [name]: async () => {
                throw new Error('async');
              },
            },
            route,
          ),
        ).toMatchObject({ name: 'GET /r' });
      }
      await new Promise((turn) => setImmediate(turn));
      expect(rejected).toEqual([]);
      expect(lines.filter((line) => line.includes(`options.${name} threw`)).length).toBeLessThanOrEqual(1);
    },
  );

  test('attributes whose own getters throw cost themselves only', () => {
    const attributes = () =>
      Object.defineProperty({}, 'a', {
        enumerable: true,
        get() {
          throw new Error('no');
        },
      });
    expect(served({ target: '/x' }, { attributes })?.attributes['url.path']).toBe('/x');
  });

  test('hooks are called once each, with what they need, and only for recorded requests', () => {
    const requestHook = vi.fn();
    const responseHook = vi.fn(
      ({ span }: { span: { setAttribute(n: string, v: string): unknown } }) =>
        void span.setAttribute('app', 'late'),
    );
    const span = served({ target: '/x' }, { requestHook, responseHook }, { statusCode: 201 });
    expect(requestHook.mock.calls[0]?.[0]).toMatchObject({ request: { target: '/x' }, extraction: 'absent' });
    expect(responseHook.mock.calls[0]?.[0]).toMatchObject({
      outcome: { statusCode: 201 },
      request: { target: '/x' },
    });
    expect(span?.attributes.app).toBe('late');
    served({ headers: { traceparent: UNSAMPLED } }, { requestHook, responseHook });
    expect(requestHook).toHaveBeenCalledTimes(1);
    expect(responseHook).toHaveBeenCalledTimes(1);
  });
});

describe('a faulty SDK', () => {
  const boom = () => {
    throw new Error('faulty');
  };
  const spoiled = (...methods: (keyof Span)[]) => ({
    getTracer: () => ({
      startSpan: () =>
        Object.assign(
          trace.wrapSpanContext({ traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 1 }),
          { isRecording: () => true },
          Object.fromEntries(methods.map((method) => [method, boom])),
        ),
    }),
  });
  test.each<[string, HttpServerOptions]>([
    ['startSpan() throws', { tracerProvider: { getTracer: () => ({ startSpan: boom }) } as never }],
    ['isRecording() throws', { tracerProvider: spoiled('isRecording') as never, requestHook() {} }],
    ['setAttributes() throws', { tracerProvider: spoiled('setAttributes') as never }],
    ['end() throws', { tracerProvider: spoiled('end') as never }],
    [
      'everything throws',
      {
        tracerProvider: spoiled(
          'isRecording',
          'setAttributes',
          'setStatus',
          'updateName',
          'end',
          'recordException',
          'spanContext',
        ) as never,
      },
    ],
    ['extract() throws', { propagator: Object.assign(w3c(), { extract: boom }) }],
    [
      'extract() returns nothing',
      { propagator: Object.assign(w3c(), { extract: () => undefined }) as never },
    ],
    ['fields() throws', { propagator: Object.assign(w3c(), { fields: boom }) }],
  ])('%s: the handler runs once and the exchange ends', (_, options) => {
    const exchange = createHttpServerTracer(options).start(request({ headers: { b3: 'x' } }));
    const handler = vi.fn(() => 'done');
    expect(exchange.run(handler)).toBe('done');
    exchange.fail(new Error('x'));
    exchange.end({ statusCode: 500, route: '/r' });
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test('a request record that is broken altogether', () => {
    const broken = new Proxy({}, { get: boom }) as HttpServerRequest;
    const exchange = createHttpServerTracer().start(broken);
    expect(exchange.run(() => 1)).toBe(1);
    exchange.end({ statusCode: 200 });
  });

  test('run() returns and throws what the handler does, by identity', () => {
    const exchange = createHttpServerTracer().start(request());
    const result = {};
    const failure = new Error('mine');
    expect(exchange.run(() => result)).toBe(result);
    let caught: unknown;
    try {
      exchange.run(() => {
        throw failure;
      });
    } catch (error) {
      caught = error;
    }
    expect(caught).toBe(failure);
    exchange.end({ statusCode: 200 });
  });
});

describe('a SERVER span of somebody else', () => {
  const foreign = (parts: { kind?: SpanKind; attributes?: Attributes; parent?: typeof ROOT_CONTEXT } = {}) =>
    trace
      .getTracer('somebody')
      .startSpan(
        'theirs',
        { kind: parts.kind ?? SpanKind.SERVER, attributes: parts.attributes ?? {} },
        parts.parent,
      );
  const within = (span: Span, parts: Partial<HttpServerRequest>, rpc = false) => {
    const active = trace.setSpan(ROOT_CONTEXT, span);
    const metadata: { type: RPCType.HTTP; span: Span; route?: string } = { type: RPCType.HTTP, span };
    const at = rpc ? setRPCMetadata(active, metadata) : active;
    const exchange = context.with(at, () => createHttpServerTracer().start(request(parts)));
    exchange.end({ statusCode: 500, route: '/r/:id' });
    return { exchange, metadata };
  };
  const remote = trace.setSpanContext(ROOT_CONTEXT, {
    traceId: TRACE_ID,
    spanId: SPAN_ID,
    traceFlags: 1,
    isRemote: true,
  });

  test.each<[string, () => Span, Partial<HttpServerRequest>, boolean]>([
    [
      'RPC metadata and the same path',
      () => foreign({ attributes: { 'url.path': '/x' } }),
      { target: '/x?y' },
      true,
    ],
    ['the same path', () => foreign({ attributes: { 'url.path': '/x' } }), { target: '/x' }, false],
    [
      'the same target, in the old conventions',
      () => foreign({ attributes: { 'http.target': '/x?y' } }),
      { target: '/x?y' },
      false,
    ],
    [
      'the parent that the headers name',
      () => foreign({ parent: remote }),
      { headers: { traceparent: TRACEPARENT } },
      false,
    ],
  ])('is adopted by %s', (_, make, parts, rpc) => {
    const span = make();
    const { exchange, metadata } = within(span, parts, rpc);
    expect(exchange.span).toBe(span);
    expect(spans.ended).toEqual([]);
    span.end();
    expect(spans.ended).toHaveLength(1);
    expect(spans.ended[0]?.attributes).toMatchObject({ 'http.route': '/r/:id', 'error.type': '500' });
    expect(spans.ended[0]?.attributes['http.response.status_code']).toBeUndefined();
    expect(metadata.route).toBe(rpc ? '/r/:id' : undefined);
  });

  test.each<[string, () => Span, Partial<HttpServerRequest>, boolean]>([
    ['another path', () => foreign({ attributes: { 'url.path': '/other' } }), { target: '/x' }, true],
    ['another target', () => foreign({ attributes: { 'http.target': '/other' } }), { target: '/x' }, false],
    ['another parent', () => foreign(), { headers: { traceparent: TRACEPARENT } }, false],
    ['nothing to go by', () => foreign(), {}, false],
    [
      'an INTERNAL span',
      () => foreign({ kind: SpanKind.INTERNAL, attributes: { 'url.path': '/' } }),
      {},
      false,
    ],
    [
      'an ended span, though there is RPC metadata',
      () => {
        const span = foreign({ attributes: { 'url.path': '/' } });
        span.end();
        return span;
      },
      {},
      true,
    ],
  ])('is left alone: %s', (_, make, parts, rpc) => {
    const span = make();
    const { exchange } = within(span, parts, rpc);
    expect(exchange.span).not.toBe(span);
    expect(spans.ended.some(({ name }) => name === 'GET /r/:id')).toBe(true);
  });

  test('is adopted without the baggage of a caller who is not trusted with it', () => {
    const span = foreign({ attributes: { 'url.path': '/' } });
    const baggage = propagation.createBaggage({ tenant: { value: 'acme' }, user: { value: '7' } });
    const at = propagation.setBaggage(trace.setSpan(ROOT_CONTEXT, span), baggage);
    const kept = (trust: HttpServerOptions['trust']) => {
      const exchange = context.with(at, () => createHttpServerTracer({ trust }).start(request()));
      expect(exchange.span).toBe(span);
      return propagation
        .getBaggage(exchange.context)
        ?.getAllEntries()
        .map(([name]) => name);
    };
    expect(kept('continue')).toEqual(['tenant', 'user']);
    expect(kept('restart')).toBeUndefined();
    expect(kept({ parent: 'continue', baggage: ['tenant'] })).toEqual(['tenant']);
    span.end();
  });

  test('one that shows nothing, in another trace than the caller’s, is linked', () => {
    const tracer = createHttpServerTracer();
    const theirs = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 0 };
    const at = trace.setSpan(ROOT_CONTEXT, trace.wrapSpanContext(theirs));
    const exchange = context.with(at, () => tracer.start(request({ headers: { traceparent: TRACEPARENT } })));
    exchange.end({ statusCode: 200 });
    expect(spans.ended[0]?.parentSpanContext?.spanId).toBe(SPAN_ID);
    expect(spans.ended[0]?.links.map((link) => link.context)).toEqual([theirs]);
  });

  test('one of our own is never adopted', () => {
    const tracer = createHttpServerTracer();
    const outer = tracer.start(request());
    outer.run(() => tracer.start(request()).end({ statusCode: 200 }));
    outer.end({ statusCode: 200 });
    expect(spans.ended).toHaveLength(2);
  });

  test('an unsampled one is adopted by its RPC metadata, when it is of the caller’s trace', () => {
    const unsampled = (traceId: string) => trace.wrapSpanContext({ traceId, spanId: SPAN_ID, traceFlags: 0 });
    const headers = { traceparent: TRACEPARENT };
    const adopted = (span: Span, rpc: boolean) => within(span, { headers }, rpc).exchange.span === span;
    expect(adopted(unsampled(TRACE_ID), true)).toBe(true);
    expect(adopted(unsampled(TRACE_ID), false)).toBe(false);
    expect(adopted(unsampled('1'.repeat(32)), true)).toBe(false);
  });
});

test('an unsampled caller: nothing recorded, context passed on', () => {
  const exchange = createHttpServerTracer().start(request({ headers: { traceparent: UNSAMPLED } }));
  const { traceparent } = exchange.run(() => traceHeaders());
  expect(traceparent).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-00$`));
  exchange.end({ statusCode: 200 });
  expect(spans.ended).toEqual([]);
});

test('samplers that say no and yes', () => {
  for (const [sampler, count] of [
    [new AlwaysOffSampler(), 0],
    [new AlwaysOnSampler(), 1],
  ] as const) {
    stopSdk();
    spans = startSdk(sampler);
    createHttpServerTracer().start(request()).end({ statusCode: 200 });
    expect(spans.ended).toHaveLength(count);
  }
});

test('span contexts that a composite propagator could not unite become links, and are counted', async () => {
  const other = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 };
  // Shared between packages by its name, as every context key.
  const key = createContextKey('Throughline conflicting span contexts');
  const propagator = Object.assign(w3c(), {
    extract: (from: typeof ROOT_CONTEXT) => from.setValue(key, [other]),
  });
  const linked = (trust: HttpServerOptions['trust']) =>
    served({}, { propagator, trust })?.links.map(({ context }) => context);
  expect(linked('continue')).toEqual([other]);
  expect(linked('restart')).toEqual([other]);
  expect(linked('ignore')).toEqual([]);
  const meters = createMeters();
  served({}, { propagator, meterProvider: meters.provider });
  expect(
    (await meters.points('throughline.propagation')).map(
      ({ attributes }) => attributes['throughline.propagation.outcome'],
    ),
  ).toEqual(['absent', 'conflict']);
});

test('nothing is active after run()', () => {
  const exchange = createHttpServerTracer().start(request());
  exchange.run(() => {});
  exchange.end({ statusCode: 200 });
  expect(activeContext()).toBe(ROOT_CONTEXT);
});

function circular(): Error {
  const error = new Error('x');
  error.cause = error;
  return error;
}
