import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type TextMapPropagator,
  trace,
} from '@opentelemetry/api';
import { isTracingSuppressed, suppressTracing } from '@opentelemetry/core';
import { runInContext, withBaggage } from '@throughline/core';
import { createTracedFetch, type TracedFetch, type TracedRequestInit, tracedFetch } from '@throughline/fetch';
import { createHttpServerTracer } from '@throughline/http-semantics';
import { fetch as undiciFetch } from 'undici';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  closeServers,
  createMeters,
  listen,
  type Recorder,
  startSdk,
  stopSdk,
  TRACE_ID,
  within,
  withResolvers,
} from '../../core/test/sdk.ts';

let spans: Recorder;
beforeEach(() => {
  spans = startSdk();
});
afterEach(async () => {
  await closeServers();
  stopSdk();
});

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly port: number;
}

/** A server that notes what reaches it. */
async function spy(
  answer: (req: IncomingMessage, res: ServerResponse) => unknown = (_, res) => res.end('ok'),
) {
  const seen: Seen[] = [];
  const port = await listen((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk) => chunks.push(chunk));
    req.on('end', () => {
      seen.push({
        method: req.method ?? '',
        url: req.url ?? '',
        headers: req.headers,
        body: Buffer.concat(chunks).toString('latin1'),
        port,
      });
      answer(req, res);
    });
  });
  return { seen, port, url: `http://127.0.0.1:${port}`, localhost: `http://localhost:${port}` };
}

const redirecting =
  (status: number, to: (path: string) => string) => (req: IncomingMessage, res: ServerResponse) =>
    req.url?.startsWith('/start')
      ? res.writeHead(status, { location: to('/end') }).end('moved')
      : res.end('done');

describe('where spans start', () => {
  test.each<[string, TracedRequestInit]>([
    ['a call', {}],
    ['a call that is sent hop by hop', { redirect: 'manual' }],
  ])('%s: in what the caller has active, never in the suppressed context of the wire', async (_, init) => {
    stopSdk();
    const suppressed: boolean[] = [];
    spans = startSdk({
      // As some tracers do, whatever parent they are given.
      shouldSample: () => {
        suppressed.push(isTracingSuppressed(context.active()));
        return { decision: 2 };
      },
      toString: () => 'looks at what is active',
    });
    const { url } = await spy(redirecting(302, (path) => path));
    for (const fetch of [
      tracedFetch,
      createTracedFetch({ fetch: undiciFetch as unknown as typeof globalThis.fetch }),
    ])
      await (await fetch(`${url}/start`, init)).text();
    expect(suppressed.length).toBeGreaterThanOrEqual(2);
    expect(suppressed).not.toContain(true);
  });
});

describe('one call', () => {
  test('a CLIENT span by the conventions, its context in the headers', async () => {
    const { url, port, seen } = await spy();
    const response = await tracedFetch(`${url}/a?sig=secret&b=1#frag`);
    expect(await response.text()).toBe('ok');
    const span = await spans.one();
    expect(span).toMatchObject({ name: 'GET', kind: SpanKind.CLIENT });
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    expect(span.attributes).toEqual({
      'http.request.method': 'GET',
      'server.address': '127.0.0.1',
      'server.port': port,
      'url.full': `${url}/a?sig=REDACTED&b=1#frag`,
      'http.response.status_code': 200,
    });
    expect(span.instrumentationScope.schemaUrl).toBe('https://opentelemetry.io/schemas/1.45.0');
    const { traceId, spanId } = span.spanContext();
    expect(seen[0]?.headers.traceparent).toBe(`00-${traceId}-${spanId}-01`);
  });

  test('is a child of what is active, in the same trace', async () => {
    const { url } = await spy();
    const parent = trace.setSpanContext(ROOT_CONTEXT, {
      traceId: TRACE_ID,
      spanId: 'b7ad6b7169203331',
      traceFlags: 1,
    });
    await context.with(parent, () => tracedFetch(url));
    expect((await spans.one()).parentSpanContext?.spanId).toBe('b7ad6b7169203331');
  });

  test.each<[number, string | undefined]>([
    [204, undefined],
    [304, undefined],
    [404, '404'],
    [500, '500'],
  ])('status %i', async (status, errorType) => {
    const { url } = await spy((_, res) => res.writeHead(status).end());
    await tracedFetch(url);
    const span = await spans.one();
    expect(span.attributes['error.type']).toBe(errorType);
    expect(span.status.code).toBe(errorType === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR);
  });

  test('a connection refused: rejects as fetch does, with the code as error.type', async () => {
    const meters = createMeters();
    const fetch = createTracedFetch({ meterProvider: meters.provider });
    const { url, port } = await spy();
    await closeServers();
    await expect(fetch(url)).rejects.toThrow(TypeError);
    const span = await spans.one();
    expect(span.attributes['error.type']).toBe('ECONNREFUSED');
    expect(span.events.map(({ name }) => name)).toEqual(['exception']);
    const [point] = await meters.points('http.client.request.duration');
    expect(point?.descriptor.unit).toBe('s');
    expect(point?.attributes).toEqual({
      'http.request.method': 'GET',
      'server.address': '127.0.0.1',
      'server.port': port,
      'error.type': 'ECONNREFUSED',
    });
  });

  test('the caller’s error arrives by identity', async () => {
    const failure = new Error('mine');
    const fetch = createTracedFetch({ fetch: () => Promise.reject(failure) });
    await expect(fetch('http://127.0.0.1:1/')).rejects.toBe(failure);
  });

  test('nothing that is passed in is changed', async () => {
    const { url, seen } = await spy();
    const headers = Object.freeze({ 'X-Own': '1', traceparent: 'stale', Baggage: 'stale' });
    const init = Object.freeze({ method: 'POST', headers, body: 'text' });
    await tracedFetch(url, init);
    expect(headers).toEqual({ 'X-Own': '1', traceparent: 'stale', Baggage: 'stale' });
    const request = new Request(url, { method: 'PUT', headers: { 'x-own': '2' }, body: 'text' });
    await tracedFetch(request);
    expect(Object.fromEntries(request.headers)).toEqual({
      'content-type': 'text/plain;charset=UTF-8',
      'x-own': '2',
    });
    expect(seen.map(({ method, body, headers }) => [method, body, headers['x-own']])).toEqual([
      ['POST', 'text', '1'],
      ['PUT', 'text', '2'],
    ]);
    expect(seen[0]?.headers.traceparent).toMatch(/^00-/);
    expect(seen[0]?.headers.baggage).toBeUndefined();
  });

  test('with instrumentation underneath suppressed for the call, and nothing recorded when suppressed itself', async () => {
    let suppressed: unknown;
    const fetch = createTracedFetch({
      fetch: async () => {
        suppressed = context.active().getValue(Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING'));
        return new Response('ok');
      },
    });
    await fetch('http://127.0.0.1/');
    expect(suppressed).toBe(true);
    await spans.one();
    const { url, seen } = await spy();
    await runInContext(suppressTracing(ROOT_CONTEXT), () => tracedFetch(url));
    expect(seen[0]?.headers.traceparent).toBeUndefined();
    expect(spans.ended).toEqual([]);
  });

  test('without an SDK and inside an ignored request: headers, and no span', async () => {
    const { url, seen } = await spy();
    const headers = { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01`, tracestate: 'a=1', baggage: 'k=v' };
    const tracer = createHttpServerTracer({ ignore: () => true });
    const call = () =>
      tracer.start({ method: 'GET', target: '/', scheme: 'http', headers }).run(() => tracedFetch(url));
    await call();
    stopSdk();
    await call();
    expect(seen.map((request) => request.headers.traceparent)).toEqual([
      headers.traceparent,
      headers.traceparent,
    ]);
    expect(seen[1]?.headers).toMatchObject(headers);
    expect(spans.ended).toEqual([]);
  });

  test('hooks that throw or reject change nothing', async () => {
    const { url } = await spy();
    const boom = (): never => {
      throw new Error('no');
    };
    const options = { ignore: boom, spanName: boom, attributes: boom, requestHook: boom, responseHook: boom };
    expect((await createTracedFetch(options)(url)).status).toBe(200);
    const rejecting = async () => boom();
    const async = {
      ignore: rejecting,
      spanName: rejecting,
      attributes: rejecting,
      requestHook: rejecting,
      responseHook: rejecting,
    };
    expect((await createTracedFetch(async as never)(url)).status).toBe(200);
    expect((await spans.take(2)).map(({ name }) => name)).toEqual(['GET', 'GET']);
  });

  test('names, attributes and listed headers', async () => {
    const { url } = await spy((_, res) => res.writeHead(200, { 'x-answer': '42' }).end());
    const fetch = createTracedFetch({
      spanName: ({ method }) => `custom ${method}`,
      attributes: () => ({ app: 1 }),
      captureRequestHeaders: ['X-Asked'],
      captureResponseHeaders: ['X-Answer', 'absent'],
    });
    await fetch(url, { headers: { 'x-asked': 'yes' } });
    const span = await spans.one();
    expect(span.name).toBe('custom GET');
    expect(span.attributes).toMatchObject({
      app: 1,
      'http.request.header.x-asked': ['yes'],
      'http.response.header.x-answer': ['42'],
    });
  });

  test.each(['get', 'Post', 'put', 'PURGE'])('the method %s as fetch sends it', async (method) => {
    const { url, seen } = await spy();
    await tracedFetch(url, { method });
    const span = await spans.one();
    const sent = seen[0]?.method ?? '';
    expect(span.attributes['http.request.method_original'] ?? span.attributes['http.request.method']).toBe(
      sent,
    );
  });
});

describe('inputs and bodies arrive as with fetch', () => {
  const form = () => {
    const data = new FormData();
    data.set('a', '1');
    return data;
  };
  const stream = () =>
    new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('streamed'));
        controller.close();
      },
    });
  const BODIES: [string, () => RequestInit][] = [
    ['none', () => ({})],
    ['text', () => ({ method: 'POST', body: 'text' })],
    ['URLSearchParams', () => ({ method: 'POST', body: new URLSearchParams({ a: '1' }) })],
    ['Blob', () => ({ method: 'POST', body: new Blob(['blob'], { type: 'a/b' }) })],
    ['bytes', () => ({ method: 'POST', body: new Uint8Array([1, 2, 255]) })],
    ['ArrayBuffer', () => ({ method: 'POST', body: new Uint8Array([1, 2]).buffer })],
    ['stream', () => ({ method: 'POST', body: stream(), duplex: 'half' }) as RequestInit],
    [
      'async iterable',
      () =>
        ({
          method: 'POST',
          body: (async function* () {
            yield new TextEncoder().encode('piece');
          })(),
          duplex: 'half',
        }) as unknown as RequestInit,
    ],
  ];
  const INPUTS: [string, (url: string) => string | URL | Request][] = [
    ['string', (url) => url],
    ['URL', (url) => new URL(url)],
    [
      'Request',
      (url) => new Request(url, { method: 'POST', body: 'of the request', headers: { 'x-own': 'r' } }),
    ],
  ];

  for (const [input, make] of INPUTS)
    test.each(BODIES)(`${input}, body: %s`, async (_, init) => {
      const { url, seen } = await spy();
      for (const fetch of [globalThis.fetch, tracedFetch])
        await (await fetch(make(`${url}/p?q`), init())).text();
      const [native, ours] = seen.map(({ method, url, body, headers }) => {
        const { traceparent: _, connection: __, host: ___, ...others } = headers;
        return { method, url, body, headers: others };
      });
      expect(ours).toEqual(native);
    });

  test('multipart form data', async () => {
    const { url, seen } = await spy();
    await tracedFetch(url, { method: 'POST', body: form() });
    expect(seen[0]?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
    expect(seen[0]?.body).toContain('name="a"');
  });

  test('a Request in place of init', async () => {
    const { url, seen } = await spy();
    const init = new Request('http://127.0.0.1:1/', {
      method: 'PATCH',
      body: 'b',
      headers: { 'x-own': '1' },
    });
    await tracedFetch(url, init as RequestInit);
    expect(seen[0]).toMatchObject({ method: 'PATCH', body: 'b', headers: { 'x-own': '1' } });
  });

  test('null for init', async () => {
    const { url } = await spy();
    expect((await tracedFetch(url, null as never)).status).toBe(200);
  });

  test('the fetch of undici, or a test double', async () => {
    const { url, seen } = await spy();
    expect((await createTracedFetch({ fetch: undiciFetch as never })(url)).status).toBe(200);
    expect(seen[0]?.headers.traceparent).toMatch(/^00-/);
  });

  test.each<[string, unknown, RequestInit?]>([
    ['a data: URL', 'data:text/plain,hello'],
    ['a relative URL', '/x'],
    ['no URL', 'nonsense'],
    ['nothing', undefined],
    ['null', null],
    ['a URL with credentials', 'http://user:pass@127.0.0.1:1/'],
    ['an illegal header', 'http://127.0.0.1:1/', { headers: { 'x y': '1' } }],
    ['an illegal header value', 'http://127.0.0.1:1/', { headers: { x: 'a\nb' } }],
    ['an illegal method', 'http://127.0.0.1:1/', { method: 'A B' }],
    ['a body with GET', 'http://127.0.0.1:1/', { body: 'x' }],
    ['a forbidden port', 'http://127.0.0.1:25/'],
  ])('%s: resolves or rejects as fetch does', async (_, input, init) => {
    const settle = async (fetch: typeof globalThis.fetch) => {
      try {
        return await (await fetch(input as string, init)).text();
      } catch (error) {
        return (error as Error).constructor.name;
      }
    };
    expect(await settle(tracedFetch as typeof globalThis.fetch)).toBe(await settle(globalThis.fetch));
    expect(spans.open).toBe(0);
  });
});

describe('redirects', () => {
  const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'];
  const CARRIED = [
    'authorization',
    'cookie',
    'proxy-authorization',
    'content-type',
    'content-length',
    'content-language',
    'x-own',
    'accept',
  ];

  /** What reaches the two servers when `fetch` is sent through `status`, and what comes back. */
  async function transcript(
    fetch: typeof globalThis.fetch,
    status: number,
    init: () => RequestInit,
    where: 'same' | 'other',
    viaRequest: boolean,
  ) {
    const other = await spy();
    const first = await spy(redirecting(status, (path) => (where === 'other' ? other.url : '') + path));
    let result: unknown;
    try {
      const input = `${first.url}/start#kept`;
      const response = await (viaRequest ? fetch(new Request(input, init())) : fetch(input, init()));
      result = [
        response.status,
        response.redirected,
        new URL(response.url).pathname,
        new URL(response.url).hash,
        await response.text(),
      ];
    } catch (error) {
      result = (error as Error).name;
    }
    const calm = ({ method, url, body, headers }: Seen) => ({
      method,
      url,
      body,
      headers: Object.fromEntries(CARRIED.map((name) => [name, headers[name]])),
    });
    return { result, first: first.seen.map(calm), other: other.seen.map(calm) };
  }

  for (const status of [300, 301, 302, 303, 304, 307, 308])
    for (const where of ['same', 'other'] as const)
      test.each(METHODS)(
        `${status} to ${where === 'same' ? 'the same origin' : 'another'}, %s: as fetch does`,
        async (method) => {
          const init = (): RequestInit => ({
            method,
            headers: { authorization: 'Basic eA==', cookie: 'a=1', 'x-own': '1', 'content-language': 'de' },
            ...(method !== 'GET' && method !== 'HEAD' && { body: 'the body' }),
          });
          for (const viaRequest of [false, true]) {
            const native = await transcript(globalThis.fetch, status, init, where, viaRequest);
            const ours = await transcript(
              tracedFetch as typeof globalThis.fetch,
              status,
              init,
              where,
              viaRequest,
            );
            expect(ours).toEqual(native);
          }
        },
      );

  test.each<[string, (port: number) => string]>([
    ['relative', () => 'end?q#f'],
    ['an empty one', () => ''],
    ['a fragment of its own', () => '/end#own'],
    ['UTF-8 bytes', () => Buffer.from('/end/é').toString('latin1')],
    ['an invalid one', () => 'http://[broken'],
    ['another scheme', () => 'ftp://127.0.0.1/'],
    ['data:', () => 'data:text/plain,x'],
    ['credentials at another origin', (port) => `http://user:pass@localhost:${port}/end`],
  ])('location: %s: as fetch does', async (_, location) => {
    const settle = async (fetch: typeof globalThis.fetch) => {
      const { url, port, seen } = await spy((req, res) =>
        req.url === '/start' && seen.length < 3
          ? res.writeHead(302, { location: location(port) }).end()
          : res.end('done'),
      );
      try {
        const response = await fetch(`${url}/start`);
        return [
          response.status,
          response.url.replace(String(port), 'PORT'),
          seen.map((request) => request.url),
        ];
      } catch (error) {
        return [(error as Error).name, seen.map((request) => request.url)];
      }
    };
    expect(await settle(tracedFetch as typeof globalThis.fetch)).toEqual(await settle(globalThis.fetch));
  });

  test('twenty are followed, and no more', async () => {
    const chain = (length: number) =>
      spy((req, res) => {
        const at = Number(req.url?.slice(1));
        return at < length ? res.writeHead(302, { location: `/${at + 1}` }).end() : res.end('done');
      });
    const twenty = await chain(20);
    expect(await (await tracedFetch(`${twenty.url}/0`)).text()).toBe('done');
    expect(twenty.seen).toHaveLength(21);
    const more = await chain(100);
    await expect(tracedFetch(`${more.url}/0`)).rejects.toThrow(new TypeError('fetch failed'));
    expect(more.seen).toHaveLength(21);
    expect((await spans.take(42)).length).toBe(42);
    expect(spans.open).toBe(0);
  });

  test('redirect: error and manual are left to fetch', async () => {
    const { url, seen } = await spy(redirecting(302, (path) => path));
    await expect(tracedFetch(`${url}/start`, { redirect: 'error' })).rejects.toThrow(TypeError);
    expect((await tracedFetch(`${url}/start`, { redirect: 'manual' })).status).toBe(302);
    expect(seen).toHaveLength(2);
    await spans.take(2);
  });

  test('a stream cannot be sent twice, a Request’s body can', async () => {
    const { url, seen } = await spy(redirecting(307, (path) => path));
    const body = new Blob(['once']).stream();
    await expect(
      tracedFetch(`${url}/start`, { method: 'POST', body, duplex: 'half' } as RequestInit),
    ).rejects.toThrow(TypeError);
    await tracedFetch(new Request(`${url}/start`, { method: 'POST', body: 'again' }));
    expect(seen.map(({ body }) => body)).toEqual(['once', 'again', 'again']);
    expect(spans.open).toBe(0);
  });

  test('one span per hop, counted, each with its own id on the wire', async () => {
    const { url, seen } = await spy((req, res) =>
      req.url === '/2'
        ? res.end()
        : res.writeHead(302, { location: `/${Number(req.url?.slice(1)) + 1}` }).end(),
    );
    await tracedFetch(`${url}/0#part`);
    const hops = await spans.take(3);
    expect(
      hops.map(({ attributes }) => [
        attributes['url.full'],
        attributes['http.response.status_code'],
        attributes['http.request.resend_count'],
      ]),
    ).toEqual([
      [`${url}/0#part`, 302, undefined],
      [`${url}/1#part`, 302, 1],
      [`${url}/2#part`, 200, 2],
    ]);
    expect(seen.map(({ headers }) => String(headers.traceparent).split('-')[2])).toEqual(
      hops.map((hop) => hop.spanContext().spanId),
    );
  });

  const told = ({ seen }: { seen: Seen[] }) =>
    seen.map(({ headers }) => ['traceparent', 'baggage'].filter((name) => headers[name] !== undefined));
  const through = async (fetch: TracedFetch, call?: { propagate?: boolean; baggage?: boolean }) => {
    const third = await spy();
    const first = await spy((req, res) =>
      req.url === '/home' ? res.end() : res.writeHead(302, { location: `${third.localhost}/` }).end(),
    );
    await withBaggage({ user: '7' }, () => fetch(`${first.url}/`, { ...(call && { trace: call }) }));
    return { first: told(first), third: told(third), thirdOrigin: third.localhost };
  };

  test.each<
    [
      string,
      Parameters<typeof createTracedFetch>[0],
      { propagate?: boolean; baggage?: boolean } | undefined,
      string[],
    ]
  >([
    ['by default', {}, undefined, []],
    ['when this call says propagate', {}, { propagate: true, baggage: true }, []],
    ['when another origin is listed', { propagateTo: ['http://127.0.0.1:1'] }, undefined, []],
    ['when everything is listed', { propagateTo: 'all' }, undefined, ['traceparent', 'baggage']],
    [
      'when it is listed',
      { propagateTo: [/^http:\/\/(localhost|127)/] },
      undefined,
      ['traceparent', 'baggage'],
    ],
    [
      'when it is listed, and not for baggage',
      { propagateTo: 'all', baggageTo: [/127/] },
      { baggage: true },
      ['traceparent'],
    ],
  ])('another origin is told by redirect: %s', async (_, options, call, expected) => {
    const { third } = await through(createTracedFetch(options), call);
    expect(third).toEqual([expected]);
    expect((await spans.take(2)).length).toBe(2);
  });

  test('back at the origin that the caller named, it is told again', async () => {
    const other = await spy((_, res) => res.writeHead(302, { location: `${first.url}/home` }).end());
    const first = await spy((req, res) =>
      req.url === '/home' ? res.end() : res.writeHead(302, { location: `${other.localhost}/` }).end(),
    );
    await tracedFetch(first.url);
    expect(told(first)).toEqual([['traceparent'], ['traceparent']]);
    expect(told(other)).toEqual([[]]);
  });

  test('a request with integrity has a span and headers per hop as every other', async () => {
    const integrity = `sha256-${createHash('sha256').update('done').digest('base64')}`;
    const { url, seen } = await spy(redirecting(302, (path) => path));
    const response = await tracedFetch(`${url}/start`, { integrity });
    expect([await response.text(), response.redirected]).toEqual(['done', true]);
    expect(seen.map(({ headers }) => String(headers.traceparent).split('-')[2])).toEqual(
      (await spans.take(2)).map((hop) => hop.spanContext().spanId),
    );
    await expect(tracedFetch(`${url}/end`, { integrity: 'sha256-AAAA' })).rejects.toThrow(TypeError);
  });
});

describe('one call may decide for itself', () => {
  const marked: TextMapPropagator = {
    fields: () => ['x-marked'],
    extract: (from) => from,
    inject: (_, carrier, setter) => setter.set(carrier, 'x-marked', '1'),
  };
  test.each<[Parameters<typeof createTracedFetch>[0], TracedRequestInit['trace'], string[]]>([
    [{}, undefined, ['traceparent', 'baggage']],
    [{}, {}, ['traceparent', 'baggage']],
    [{}, { propagate: false }, []],
    [{}, { propagate: false, baggage: true }, []],
    [{}, { baggage: false }, ['traceparent']],
    [{ baggageTo: 'none' }, undefined, ['traceparent']],
    [{ baggageTo: 'none' }, { baggage: true }, ['traceparent', 'baggage']],
    [{ propagateTo: 'none' }, { baggage: true }, []],
    [{ propagateTo: 'none' }, { propagate: true }, ['traceparent', 'baggage']],
    [{ propagateTo: [{ to: /./, propagator: marked }] }, undefined, ['x-marked']],
    [{ propagateTo: [{ to: /./, propagator: marked }] }, { propagate: true }, ['x-marked']],
    [
      { propagateTo: [{ to: /elsewhere/, propagator: marked }] },
      { propagate: true },
      ['traceparent', 'baggage'],
    ],
  ])('%j, %j: %j', async (options, trace, expected) => {
    const { url, seen } = await spy();
    await withBaggage({ user: '7' }, () => createTracedFetch(options)(url, { ...(trace && { trace }) }));
    const names = ['traceparent', 'baggage', 'x-marked'];
    expect(names.filter((name) => seen[0]?.headers[name] !== undefined)).toEqual(expected);
    await spans.one();
  });
});

describe('aborts and time limits', () => {
  test.each<[string, () => AbortSignal, string | undefined]>([
    ['abort()', () => AbortSignal.abort(), undefined],
    ['abort() with a reason', () => AbortSignal.abort(new Error('changed my mind')), undefined],
    ['a time limit', () => AbortSignal.timeout(1), 'TimeoutError'],
    [
      'a time limit among others',
      () => AbortSignal.any([AbortSignal.timeout(1), new AbortController().signal]),
      'TimeoutError',
    ],
  ])('%s', async (_, signal, errorType) => {
    const { url } = await spy(() => {});
    for (const input of [{ given: signal() }, { given: undefined, request: signal() }]) {
      const call = input.request
        ? tracedFetch(new Request(url, { signal: input.request }))
        : tracedFetch(url, { signal: input.given ?? null });
      await expect(within(call, 'the abort')).rejects.toThrow();
      const span = await spans.one();
      expect(span.attributes['error.type']).toBe(errorType);
      expect(span.status.code).toBe(errorType === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR);
    }
  });

  test('in mid-flight, and between hops', async () => {
    const controller = new AbortController();
    const { url } = await spy((req, res) => {
      if (req.url === '/1') controller.abort();
      else res.writeHead(302, { location: '/1' }).end();
    });
    await expect(tracedFetch(`${url}/0`, { signal: controller.signal })).rejects.toThrow(/abort/);
    const [first, second] = await spans.take(2);
    expect(first?.attributes['http.response.status_code']).toBe(302);
    expect(second?.attributes['error.type']).toBeUndefined();
    expect(second?.attributes['http.response.status_code']).toBeUndefined();
  });
});

describe('endOn: body', () => {
  const fetch = createTracedFetch({ endOn: 'body' });

  async function held() {
    const started = withResolvers<ServerResponse>();
    const { url } = await spy((_, res) => {
      res.writeHead(200, { 'x-a': '1', 'content-type': 'text/x' }).write('first ');
      started.resolve(res);
    });
    const response = await fetch(url);
    return { response, res: await started.promise };
  }

  test('ends with the last byte; the response is as it came', async () => {
    const { response, res } = await held();
    expect(spans.open).toBe(1);
    expect([
      response.status,
      response.headers.get('x-a'),
      response.type,
      response.redirected,
      new URL(response.url).pathname,
    ]).toEqual([200, '1', 'basic', false, '/']);
    res.end('last');
    expect(await response.text()).toBe('first last');
    expect((await spans.one()).attributes['error.type']).toBeUndefined();
  });

  test('a clone is as the response was', async () => {
    const { response, res } = await held();
    const clone = response.clone().clone();
    expect([clone.url, clone.type, clone.status]).toEqual([response.url, 'basic', 200]);
    res.end('last');
    expect([await response.text(), await clone.text()]).toEqual(['first last', 'first last']);
    await spans.one();
  });

  test('ends when the reader cancels, which is no error', async () => {
    const { response, res } = await held();
    const closed = once(res, 'close');
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    expect((await spans.one()).attributes['error.type']).toBeUndefined();
    await within(closed, 'the connection to close');
  });

  test('ends with the error that breaks the body', async () => {
    const { response, res } = await held();
    const text = response.text();
    res.destroy();
    await expect(text).rejects.toThrow();
    const span = await spans.one();
    expect(span.attributes).toMatchObject({ 'http.response.status_code': 200 });
    expect(span.attributes['error.type']).toMatch(/^(UND_ERR_SOCKET|ECONNRESET|TypeError)$/);
  });

  test('is readable by a reader with buffers of its own', async () => {
    const { response, res } = await held();
    res.end('last');
    const reader = response.body?.getReader({ mode: 'byob' });
    let text = '';
    for (;;) {
      const { done, value } = (await reader?.read(new Uint8Array(4))) ?? { done: true, value: undefined };
      if (value) text += new TextDecoder().decode(value);
      if (done) break;
    }
    expect(text).toBe('first last');
    await spans.one();
  });

  test('ends at once where there is no body', async () => {
    const { url } = await spy((_, res) => res.writeHead(204).end());
    expect((await fetch(url)).body).toBeNull();
    await spans.one();
  });

  test('an abort while the body is read is no error', async () => {
    const controller = new AbortController();
    const { url } = await spy((_, res) => res.write('first'));
    const response = await fetch(url, { signal: controller.signal });
    const text = response.text();
    controller.abort();
    await expect(text).rejects.toThrow();
    expect((await spans.one()).attributes['error.type']).toBeUndefined();
  });
});

describe('request signing', () => {
  test.each<[string, string, Record<string, string>]>([
    ['a signed header', '/', { authorization: 'AWS4-HMAC-SHA256 Credential=x, Signature=y' }],
    ['an asymmetric signature', '/', { Authorization: 'AWS4-ECDSA-P256-SHA256 Credential=x' }],
    ['a presigned URL', '/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=abc', {}],
  ])('%s: nothing is added, and there is a span', async (_, path, headers) => {
    const { url, seen } = await spy();
    await withBaggage({ a: '1' }, () => tracedFetch(url + path, { headers, trace: { propagate: true } }));
    expect([seen[0]?.headers.traceparent, seen[0]?.headers.baggage]).toEqual([undefined, undefined]);
    await spans.one();
  });

  test('another Authorization is none of ours', async () => {
    const { url, seen } = await spy();
    await tracedFetch(url, { headers: { authorization: 'Bearer x' } });
    expect(seen[0]?.headers).toMatchObject({ authorization: 'Bearer x', traceparent: expect.any(String) });
  });
});

test('concurrent calls keep their contexts apart', async () => {
  const { url, seen } = await spy();
  const fetch = vi.fn(tracedFetch);
  await Promise.all(
    Array.from({ length: 50 }, (_, at) =>
      withBaggage({ at: String(at) }, () => fetch(`${url}/${at}`).then((response) => response.text())),
    ),
  );
  expect(seen.every(({ url, headers }) => headers.baggage === `at=${url.slice(1)}`)).toBe(true);
  expect(new Set((await spans.take(50)).map((span) => span.spanContext().traceId)).size).toBe(50);
  expect(propagation.getBaggage(context.active())).toBeUndefined();
});
