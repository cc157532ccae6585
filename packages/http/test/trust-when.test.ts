import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { createServer as createTlsServer, request as httpsRequest } from 'node:https';
import { AlwaysOnSampler, ParentBasedSampler } from '@opentelemetry/sdk-trace';
import type { TrustPolicy } from '@throughline/core';
import { traceNodeExchange } from '@throughline/http';
import {
  allOf,
  anyOf,
  createHttpServerTracer,
  fromCidr,
  type HttpServerExchange,
  type HttpServerRequest,
  sampledBudget,
  type TrustCondition,
  toPath,
  trustWhen,
  withClientCertificate,
  withSecretHeader,
} from '@throughline/http-semantics';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  closeServers,
  listen,
  type Recorder,
  SPAN_ID,
  startSdk,
  stopSdk,
  TRACE_ID,
  TRACEPARENT,
} from '../../core/test/sdk.ts';

const SECRET = 'correct horse battery staple';
const pem = (name: string) => readFileSync(new URL(`./tls/${name}.pem`, import.meta.url));

let spans: Recorder;
beforeEach(() => {
  spans = startSdk(new ParentBasedSampler({ root: new AlwaysOnSampler() }));
});
afterEach(async () => {
  await closeServers();
  stopSdk();
});

const about = (parts: Partial<HttpServerRequest>): HttpServerRequest => ({
  method: 'GET',
  target: '/',
  scheme: 'http',
  headers: {},
  ...parts,
});

/** Sends one request with a traceparent; tells whether its trace was continued. */
async function continued(
  trust: TrustPolicy<HttpServerRequest>,
  path = '/',
  headers: IncomingHttpHeaders = {},
  options: RequestOptions = {},
) {
  const tracer = createHttpServerTracer({ trust });
  const port = await listen((req, res) => traceNodeExchange(tracer, req, res).run(() => res.end()));
  return send(httpRequest, port, path, headers, options);
}

async function send(
  make: typeof httpRequest,
  port: number,
  path: string,
  headers: IncomingHttpHeaders,
  options: RequestOptions,
) {
  const sent = make({
    port,
    path,
    agent: false,
    headers: { ...headers, traceparent: TRACEPARENT },
    ...options,
  });
  sent.end();
  const [response] = await once(sent, 'response');
  response.resume();
  await once(response, 'close');
  const span = await spans.one();
  expect(span.links.map(({ context }) => context.spanId)).toEqual(span.parentSpanContext ? [] : [SPAN_ID]);
  return span.spanContext().traceId === TRACE_ID;
}

describe('fromCidr, over real connections', () => {
  test.each<[string[], string, boolean]>([
    [['127.0.0.0/8'], '127.0.0.1', true],
    [['127.0.0.1'], '127.0.0.1', true],
    [['10.0.0.0/8', '127.0.0.1/32'], '127.0.0.1', true],
    [['10.0.0.0/8'], '127.0.0.1', false],
    [['::1'], '127.0.0.1', false],
  ])('%j, called from %s', async (ranges, host, expected) => {
    expect(await continued(trustWhen(fromCidr(...ranges)), '/', {}, { host })).toBe(expected);
  });

  test('an IPv4 peer of a dual-stack socket counts as IPv4, an IPv6 peer as itself', async () => {
    const tracer = createHttpServerTracer({ trust: trustWhen(fromCidr('127.0.0.1')) });
    const { createServer } = await import('node:http');
    const server = createServer((req, res) => traceNodeExchange(tracer, req, res).run(() => res.end()));
    server.listen(0, '::');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    expect(await send(httpRequest, port, '/', {}, { host: '127.0.0.1' })).toBe(true);
    expect(await send(httpRequest, port, '/', {}, { host: '::1' })).toBe(false);
    server.close();
  });

  test('what the caller writes into X-Forwarded-For changes nothing', async () => {
    const headers = { 'x-forwarded-for': '10.0.0.1', forwarded: 'for=10.0.0.1' };
    expect(await continued(trustWhen(fromCidr('10.0.0.0/8')), '/', headers, { host: '127.0.0.1' })).toBe(
      false,
    );
  });

  test.each<[string, string | undefined, boolean]>([
    ['2001:db8::/32', '2001:db8:1::2', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['10.0.0.0/8', undefined, false],
    ['0.0.0.0/0', 'not an address', false],
    ['0.0.0.0/0', '192.0.2.1', true],
    ['::/0', '2001:db8::1', true],
  ])('%s and the peer %s', (range, peerAddress, expected) => {
    expect(fromCidr(range)(about({ peerAddress }))).toBe(expected);
  });

  test.each([
    '10.0.0.0/33',
    '10.0.0/8',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    'localhost',
    '2001:db8::/129',
    '',
    7,
  ])('refuses %j at set-up', (range) => {
    expect(() => fromCidr(range as string)).toThrow(
      /^\[throughline\/http-semantics\] fromCidr\(\): a range must be an IP address or CIDR such as '10\.0\.0\.0\/8', got /,
    );
  });
  test('refuses no range at all', () => expect(() => fromCidr()).toThrow(/must be one or more, got none/));
});

describe('toPath', () => {
  test.each<[string, string, boolean]>([
    ['/internal', '/internal', true],
    ['/internal', '/internal/', true],
    ['/internal', '/internal/jobs?x=/public', true],
    ['/internal/', '/internal/jobs', true],
    ['/internal', '/internals', false],
    ['/internal', '/public?next=/internal/x', false],
    ['/internal', '/public/internal/x', false],
    ['/internal', '/INTERNAL/x', false],
    ['/internal', '/internal/../public', false],
    ['/internal', '/internal/%2e%2E/public', false],
    ['/internal', '/internal/.%2e/public', false],
    ['/internal', '/internal%2f..%2fpublic', false],
    ['/internal', '/internal/..%5cpublic', false],
    ['/internal', '/internal//public', false],
    ['/internal', '/internal\\..\\public', false],
    ['/internal', '/internal/..', false],
    ['/internal', '/internal/...', true],
    ['/', '/anything', true],
    ['/internal', 'http://host/internal', false],
    ['/internal', '*', false],
  ])('%s covers %s: %s', (prefix, target, expected) => {
    expect(toPath(prefix)(about({ target }))).toBe(expected);
  });

  test('through a server', async () => {
    const trust = trustWhen(toPath('/internal', '/admin'));
    expect(await continued(trust, '/admin/x')).toBe(true);
    expect(await continued(trust, '/administration')).toBe(false);
  });

  test.each(['internal', '', 7])('refuses %j at set-up', (prefix) => {
    expect(() => toPath(prefix as string)).toThrow(
      /^\[throughline\/http-semantics\] toPath\(\): a prefix must be a path such as '\/internal', got /,
    );
  });
});

describe('withClientCertificate, over TLS', () => {
  test.each<[string, string | undefined, boolean, boolean]>([
    ['one that the authority signed', 'client', true, true],
    ['one that signed itself', 'stranger', true, false],
    ['none', undefined, true, false],
    ['one that nobody asked for', 'client', false, false],
  ])('%s', async (_, name, requestCert, expected) => {
    const tracer = createHttpServerTracer({ trust: trustWhen(withClientCertificate()) });
    const server = createTlsServer(
      { key: pem('server-key'), cert: pem('server'), ca: pem('ca'), requestCert, rejectUnauthorized: false },
      (req, res) => traceNodeExchange(tracer, req, res).run(() => res.end()),
    );
    const port = await listen(server as never);
    const own = name === undefined ? {} : { key: pem(`${name}-key`), cert: pem(name) };
    const options = { ca: pem('ca'), host: '127.0.0.1', ...own };
    expect(await send(httpsRequest as never, port, '/', {}, options)).toBe(expected);
  });

  test('never over plain HTTP', async () => {
    expect(await continued(trustWhen(withClientCertificate()))).toBe(false);
  });
});

describe('withSecretHeader', () => {
  const trust = trustWhen(withSecretHeader('X-Mesh-Secret', SECRET, 'the one that comes next'));
  test.each<[string, IncomingHttpHeaders, boolean]>([
    ['the secret', { 'x-mesh-secret': SECRET }, true],
    ['its successor', { 'X-MESH-SECRET': 'the one that comes next' }, true],
    ['another', { 'x-mesh-secret': 'something else' }, false],
    ['one that starts alike', { 'x-mesh-secret': `${SECRET}x` }, false],
    ['in another letter case', { 'x-mesh-secret': SECRET.toUpperCase() }, false],
    ['empty', { 'x-mesh-secret': '' }, false],
    ['none', {}, false],
    ['twice', { 'x-mesh-secret': [SECRET, SECRET] }, false],
    ['very long', { 'x-mesh-secret': 'x'.repeat(10_000) }, false],
  ])('%s', async (_, headers, expected) => expect(await continued(trust, '/', headers)).toBe(expected));

  test('is checked at set-up, without showing the secret', () => {
    withSecretHeader('x', '0123456789abcdef');
    expect(() => withSecretHeader('x y', SECRET)).toThrow(
      "[throughline/http-semantics] withSecretHeader(): header must be a header name, got string 'x y'",
    );
    for (const bad of [['short'], [], [undefined], [SECRET, '']])
      expect(() => withSecretHeader('x', ...(bad as string[]))).toThrow(
        new TypeError(
          '[throughline/http-semantics] withSecretHeader(): secret must be a string of at least 16 characters, got another',
        ),
      );
  });
});

describe('composition', () => {
  const yes = () => true;
  const no = () => false;
  const boom = () => {
    throw new Error('no');
  };
  test.each<[string, TrustPolicy<HttpServerRequest>, boolean]>([
    ['a condition that holds', trustWhen(yes), true],
    ['one that does not', trustWhen(no), false],
    ['one that throws', trustWhen(boom), false],
    ['one that is truthy only', trustWhen((() => 'yes') as never), false],
    ['an async one', trustWhen((async () => true) as never, { otherwise: 'continue' }), false],
    ['an async one that rejects', trustWhen((async () => boom()) as never), false],
    ['the answers turned round', trustWhen(yes, { as: 'restart', otherwise: 'continue' }), false],
    ['all of them', trustWhen(allOf(yes, yes)), true],
    ['all but one', trustWhen(allOf(yes, no)), false],
    ['one of them', trustWhen(anyOf(no, yes)), true],
    ['none of them', trustWhen(anyOf(no, no)), false],
    ['an async one among others', trustWhen(anyOf((async () => true) as never, no)), false],
    ['a chain', trustWhen(no, { otherwise: trustWhen(yes) }), true],
    ['a chain that ends in no', trustWhen(no, { otherwise: trustWhen(no) }), false],
    ['ranges and paths', trustWhen(allOf(fromCidr('127.0.0.0/8', '::1'), toPath('/'))), true],
  ])('%s', async (_, trust, expected) => expect(await continued(trust)).toBe(expected));

  test.each<[string, () => unknown, string]>([
    [
      'trustWhen()',
      () => trustWhen('10.0.0.0/8' as never),
      "a condition must be a function, got string '10.0.0.0/8'",
    ],
    [
      'trustWhen()',
      () => trustWhen(yes, { otherwise: 'never' as never }),
      "options.otherwise must be 'continue', 'restart', 'ignore', a trust decision or a function, got string 'never'",
    ],
    [
      'trustWhen()',
      () => trustWhen(yes, { else: 'restart' } as never),
      'options.else does not exist; the options are as, otherwise',
    ],
    ['allOf()', () => allOf(), 'a condition must be a function, got undefined'],
    ['anyOf()', () => anyOf(yes, null as never), 'a condition must be a function, got null'],
  ])('%s is checked at set-up', (entry, make, message) => {
    expect(make).toThrow(new TypeError(`[throughline/http-semantics] ${entry}: ${message}`));
  });
});

describe('sampledBudget', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  test('a flood of forged flags is held to the budget, which fills with time and no further', () => {
    const trust = trustWhen(() => false, {
      otherwise: { parent: 'continue', sampled: sampledBudget({ perSecond: 10 }) },
    });
    const tracer = createHttpServerTracer({ trust });
    const flood = (count: number) => {
      for (let at = 0; at < count; at++) {
        const exchange: HttpServerExchange = tracer.start(about({ headers: { traceparent: TRACEPARENT } }));
        expect(exchange.span.spanContext().traceId).toBe(TRACE_ID);
        exchange.end({ statusCode: 200 });
      }
      return spans.ended.splice(0).length;
    };
    expect(flood(1_000)).toBe(10);
    expect(flood(1_000)).toBe(0);
    vi.advanceTimersByTime(500);
    expect(flood(1_000)).toBe(5);
    vi.advanceTimersByTime(3_600_000);
    expect(flood(1_000)).toBe(10);
  });

  test('callers who do not ask for it cost nothing', () => {
    const sampled = sampledBudget({ perSecond: 1 });
    const tracer = createHttpServerTracer({ trust: { parent: 'continue', sampled } });
    for (let at = 0; at < 5; at++)
      tracer
        .start(about({ headers: { traceparent: TRACEPARENT.replace(/01$/, '00') } }))
        .end({ statusCode: 200 });
    expect(sampled()).toBe(true);
  });

  test.each([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '10', undefined])(
    'refuses %j at set-up',
    (perSecond) => {
      expect(() => sampledBudget({ perSecond } as never)).toThrow(
        /^\[throughline\/http-semantics\] sampledBudget\(\): options\.perSecond must be a number of at least 1, got /,
      );
    },
  );
});

test('conditions are named functions, for readable stacks', () => {
  const named: TrustCondition[] = [
    fromCidr('::1'),
    toPath('/x'),
    withClientCertificate(),
    withSecretHeader('x', SECRET),
  ];
  expect(named.map(({ name }) => name)).toEqual([
    'fromCidr',
    'toPath',
    'withClientCertificate',
    'withSecretHeader',
  ]);
});
