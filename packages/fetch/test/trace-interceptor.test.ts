import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { withBaggage } from '@throughline/core';
import { createTracedFetch, traceInterceptor } from '@throughline/fetch';
import * as undici8 from 'undici';
import { Agent, interceptors, RetryAgent, request, fetch as undiciFetch } from 'undici';
import * as undici7 from 'undici-7';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { closeServers, listen, listenToDiag, type Recorder, startSdk, stopSdk } from '../../core/test/sdk.ts';

let spans: Recorder;
const agents: { destroy(): Promise<void> }[] = [];
beforeEach(() => {
  spans = startSdk();
});
afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.destroy()));
  await closeServers();
  stopSdk();
});

function traced(options?: Parameters<typeof traceInterceptor>[0], ...inner: Parameters<Agent['compose']>) {
  const agent = new Agent().compose(...inner, traceInterceptor(options) as never);
  agents.push(agent);
  return agent;
}

const FAST = { maxRetries: 3, minTimeout: 1, maxTimeout: 1 };
const RETRY = interceptors.retry(FAST);
const REDIRECT = interceptors.redirect({ maxRedirections: 3 });

async function spy(
  answer: (req: IncomingMessage, res: ServerResponse) => unknown = (_, res) => res.end('ok'),
) {
  const seen: IncomingMessage[] = [];
  const port = await listen((req, res) => {
    seen.push(req);
    answer(req, res);
  });
  return { seen, port, url: `http://127.0.0.1:${port}` };
}

describe('over undici', () => {
  test('leaves the headers to a tracer that adds its own to every request of undici', async () => {
    const { url, seen } = await spy();
    // What dd-trace's part for undici listens to.
    const listener = () => {};
    subscribe('apm:undici:request:upgrade', listener);
    try {
      await (await request(url, { dispatcher: traced() })).body.text();
    } finally {
      unsubscribe('apm:undici:request:upgrade', listener);
    }
    expect(await spans.one()).toMatchObject({ name: 'GET', kind: SpanKind.CLIENT });
    expect(seen[0]?.headers.traceparent).toBeUndefined();
  });

  test('one CLIENT span per request, its context in the headers', async () => {
    const { url, port, seen } = await spy();
    const { body } = await request(`${url}/a?token=x`, { dispatcher: traced() });
    expect(await body.text()).toBe('ok');
    const span = await spans.one();
    expect(span).toMatchObject({ name: 'GET', kind: SpanKind.CLIENT });
    expect(span.attributes).toEqual({
      'http.request.method': 'GET',
      'server.address': '127.0.0.1',
      'server.port': port,
      'url.full': `${url}/a?token=REDACTED`,
      'http.response.status_code': 200,
    });
    expect(seen[0]?.headers.traceparent).toBe(
      `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`,
    );
  });

  test.each<[string, unknown]>([
    ['an object', { 'X-Own': '1', TraceParent: 'stale', 'x-many': ['a', 'b'] }],
    ['a flat array', ['X-Own', '1', 'TraceParent', 'stale', 'x-many', ['a', 'b']]],
    [
      'a Map',
      new Map<string, unknown>([
        ['X-Own', '1'],
        ['TraceParent', 'stale'],
        ['x-many', ['a', 'b']],
      ]),
    ],
    [
      'Headers',
      new Headers([
        ['X-Own', '1'],
        ['TraceParent', 'stale'],
        ['x-many', 'a'],
        ['x-many', 'b'],
      ]),
    ],
    ['nothing', undefined],
  ])('headers as %s: kept, the stale field replaced, the caller’s own not changed', async (form, headers) => {
    const { url, seen } = await spy();
    const before = JSON.stringify(
      headers instanceof Map || headers instanceof Headers ? [...headers] : headers,
    );
    const { body } = await request(url, { dispatcher: traced(), headers: headers as never });
    await body.dump();
    expect(seen[0]?.headersDistinct.traceparent).toEqual([expect.stringMatching(/^00-/)]);
    if (form !== 'nothing') expect(seen[0]?.headers).toMatchObject({ 'x-own': '1', 'x-many': 'a, b' });
    expect(
      JSON.stringify(headers instanceof Map || headers instanceof Headers ? [...headers] : headers),
    ).toBe(before);
  });

  test('an error, an abort, a status', async () => {
    const { url } = await spy((req, res) =>
      req.url === '/500' ? res.writeHead(500).end() : req.url === '/reset' ? res.destroy() : undefined,
    );
    const dispatcher = traced();
    await expect(request(`${url}/reset`, { dispatcher })).rejects.toThrow();
    expect((await spans.one()).attributes['error.type']).toMatch(/UND_ERR_SOCKET|ECONNRESET/);
    await (await request(`${url}/500`, { dispatcher })).body.dump();
    expect((await spans.one()).attributes).toMatchObject({
      'error.type': '500',
      'http.response.status_code': 500,
    });
    const controller = new AbortController();
    const call = request(`${url}/never`, { dispatcher, signal: controller.signal });
    controller.abort();
    await expect(call).rejects.toThrow();
    const aborted = await spans.one();
    expect([aborted.status.code, aborted.attributes['error.type']]).toEqual([
      SpanStatusCode.UNSET,
      undefined,
    ]);
  });

  test('informational responses are not the answer', async () => {
    const { url } = await spy((_, res) => {
      res.writeEarlyHints({ link: '</a>; rel=preload' });
      res.writeHead(201).end();
    });
    await (await request(url, { dispatcher: traced() })).body.dump();
    expect((await spans.one()).attributes['http.response.status_code']).toBe(201);
  });

  test('nearest to the wire, each retry and each redirect has a span of its own', async () => {
    let failures = 2;
    const { url } = await spy((req, res) =>
      failures-- > 0
        ? res.writeHead(503).end()
        : req.url === '/'
          ? res.writeHead(302, { location: '/end' }).end()
          : res.end('done'),
    );
    const agent = new Agent().compose(
      traceInterceptor() as never,
      interceptors.retry({ maxRetries: 3, minTimeout: 1, maxTimeout: 1 }),
      interceptors.redirect({ maxRedirections: 3 }),
    );
    agents.push(agent);
    const { body } = await request(url, { dispatcher: agent });
    expect(await body.text()).toBe('done');
    expect((await spans.take(4)).map(({ attributes }) => attributes['http.response.status_code'])).toEqual([
      503, 503, 302, 200,
    ]);
  });

  test.each<[string, (agent: Agent) => ReturnType<Agent['compose']>, (number | undefined)[]]>([
    ['retries', (agent) => agent.compose(traceInterceptor() as never, RETRY), [undefined, 1, 2]],
    ['redirects', (agent) => agent.compose(traceInterceptor() as never, REDIRECT), [undefined, 1, 2]],
    [
      'a RetryAgent',
      (agent) => new RetryAgent(agent.compose(traceInterceptor() as never), FAST) as never,
      [undefined, 1, 2],
    ],
    [
      'the retries below it, which it does not see',
      (agent) => agent.compose(RETRY, traceInterceptor() as never),
      [undefined],
    ],
  ])('counts how often the interceptor right above has sent a request: %s', async (what, compose, counts) => {
    const { url, seen } = await spy((_, res) =>
      seen.length > 2
        ? res.end('done')
        : what === 'redirects'
          ? res.writeHead(302, { location: `/hop-${seen.length}` }).end()
          : res.writeHead(503).end(),
    );
    const agent = compose(new Agent());
    agents.push(agent);
    for (const again of [1, 2]) {
      seen.length = 0;
      await (await request(`${url}/${again}`, { dispatcher: agent })).body.dump();
      const recorded = await spans.take(counts.length);
      expect(recorded.map(({ attributes }) => attributes['http.request.resend_count'])).toEqual(counts);
    }
  });

  test.each<[string, (url: string) => Parameters<typeof request>, string]>([
    [
      'query',
      (url) => [`${url}/a`, { query: { q: 'x y', token: 'SECRET', many: ['1', '2'] } }],
      '/a?q=x%20y&token=REDACTED&many=1&many=2',
    ],
    ['an empty query', (url) => [`${url}/a`, { query: {} }], '/a'],
    [
      'a path that looks like another host',
      (url) => [{ origin: url, path: '//evil.example/x' } as never, {}],
      '//evil.example/x',
    ],
    [
      'an origin with a slash',
      (url) => [{ origin: `${url}/`, path: '/a?sig=x' } as never, {}],
      '/a?sig=REDACTED',
    ],
    ['dots', (url) => [`${url}/a/../b`, {}], '/b'],
  ])('url.full is where the request goes: %s', async (_, args, expected) => {
    const { url, seen } = await spy();
    const [target, options] = args(url);
    await (await request(target, { ...options, dispatcher: traced() } as never)).body.dump();
    expect((await spans.one()).attributes['url.full']).toBe(url + expected);
    expect(seen[0]?.url?.replace(/(token|sig)=[^&]*/, '$1=REDACTED')).toBe(expected);
  });

  test('a signature in query counts as a signed request', async () => {
    const { url, seen } = await spy();
    await (await request(url, { query: { 'X-Amz-Signature': 'abc' }, dispatcher: traced() })).body.dump();
    expect(seen[0]?.headers.traceparent).toBeUndefined();
    await spans.one();
  });

  test('under tracedFetch nothing is recorded twice', async () => {
    const { url, seen } = await spy();
    const dispatcher = traced();
    const fetch = createTracedFetch({
      fetch: ((input: string, init: object) => undiciFetch(input, { ...init, dispatcher })) as never,
    });
    await (await fetch(url)).text();
    await spans.one();
    expect(seen[0]?.headersDistinct.traceparent).toHaveLength(1);
  });

  test('targets and signed requests', async () => {
    const { url, seen } = await spy();
    await (
      await request(url, { dispatcher: traced({ propagateTo: ['https://elsewhere.example'] }) })
    ).body.dump();
    await (
      await request(url, { dispatcher: traced(), headers: { Authorization: 'AWS4-HMAC-SHA256 x' } })
    ).body.dump();
    expect(seen.map(({ headers }) => headers.traceparent)).toEqual([undefined, undefined]);
    expect(await spans.take(2)).toHaveLength(2);
  });
});

describe('redirects to another origin', () => {
  const BAGGAGE = { tenant: 'acme' };
  const FIELDS = ['traceparent', 'tracestate', 'baggage'];

  /** A server that redirects to a stranger, by way of itself, and what each of them was told. */
  async function servers(status = 307) {
    const stranger = await spy();
    const there = stranger.url.replace('127.0.0.1', 'localhost');
    const home: Awaited<ReturnType<typeof spy>> = await spy((req, res) =>
      req.url === '/start'
        ? res.writeHead(status, { location: '/again' }).end('moved')
        : res.writeHead(status, { location: `${there}/end?a=1#part` }).end('moved'),
    );
    const told = (seen: IncomingMessage[]) =>
      seen.map(({ headers }) => FIELDS.filter((name) => headers[name] !== undefined));
    return { home, told: () => [told(home.seen), told(stranger.seen)], there };
  }
  const inTrace = (call: () => Promise<unknown>) =>
    trace
      .getTracer('application')
      .startActiveSpan('caller', (span) => withBaggage(BAGGAGE, call).finally(() => span.end()));
  const ours = [['traceparent', 'baggage']];

  const requested = (url: string, dispatcher: unknown) =>
    request(url, { dispatcher: dispatcher as never }).then(({ body }) => body.text());
  const redirect = () => interceptors.redirect({ maxRedirections: 5 });

  type Call = (url: string, dispatcher: unknown) => Promise<unknown>;
  const ways = ({ interceptors, request, fetch: own }: typeof import('undici')) => {
    const requested: Call = async (url, dispatcher) =>
      (await request(url, { dispatcher: dispatcher as never })).body.text();
    const fetched: Call = async (url, dispatcher) =>
      (await own(url, { dispatcher: dispatcher as never })).text();
    const redirect = () => interceptors.redirect({ maxRedirections: 5 });
    const retry = () => interceptors.retry({ maxRetries: 2, minTimeout: 1 });
    return [
      ['the redirect interceptor', requested, () => [redirect()]],
      ['the redirect interceptor over retries', requested, () => [retry(), redirect()]],
      ['the redirect interceptor under retries', requested, () => [redirect(), retry()]],
      ['its fetch', fetched, () => []],
      ['its fetch over retries', fetched, () => [retry()]],
    ] satisfies [string, Call, () => unknown[]][];
  };
  const globally: Call = async (url, dispatcher) => (await fetch(url, { dispatcher } as RequestInit)).text();
  // The global fetch takes the agents of its own version of undici.
  const builtIn = { 7: undici7, 8: undici8 }[Number(process.versions.undici?.split('.')[0])];

  type Way = [string, typeof undici8, Call, () => unknown[]];
  test.each<Way>([
    ...ways(undici8).map(([name, ...way]) => [`undici 8, ${name}`, undici8, ...way] as never),
    ...ways(undici7 as never).map(([name, ...way]) => [`undici 7, ${name}`, undici7, ...way] as never),
    ...(builtIn === undefined ? [] : [['the global fetch', builtIn, globally, () => []] as never]),
  ])('by %s: the stranger is told nothing', async (_, { Agent }, call, more) => {
    const { home, told } = await servers();
    const agent = new Agent().compose(traceInterceptor() as never, ...(more() as never[]));
    agents.push(agent);
    await inTrace(() => call(`${home.url}/start`, agent));
    expect(told()).toEqual([[ours[0], ours[0]], [[]]]);
    await spans.take(4);
    // Outside of any span there is no baggage, and the trace stays here all the same.
    await call(`${home.url}/start`, agent);
    expect(told()).toEqual([
      [ours[0], ours[0], ['traceparent'], ['traceparent']],
      [[], []],
    ]);
    await spans.take(3);
  });

  test('a target that is listed is told, and one that the caller names itself', async () => {
    const { home, told, there } = await servers();
    const agent = new Agent().compose(traceInterceptor({ propagateTo: 'all' }) as never, redirect());
    agents.push(agent);
    await inTrace(() => requested(`${home.url}/start`, agent));
    await inTrace(() => requested(`${there}/other`, traced()));
    expect(told()[1]).toEqual([ours[0], ours[0]]);
    await spans.take(6);
  });

  test('with the redirect nearer to the wire, which the interceptor cannot see in time, it is reported', async () => {
    const lines = listenToDiag();
    const { home, told } = await servers();
    const agent = new Agent().compose(redirect(), traceInterceptor() as never);
    agents.push(agent);
    await inTrace(() => requested(`${home.url}/start`, agent));
    // What the page says in bold.
    expect(told()[1]).toEqual([ours[0]]);
    expect(lines.filter((line) => line.includes('put traceInterceptor() first in compose()'))).toHaveLength(
      1,
    );
    await spans.take(2);
  });
});

describe('handlers', () => {
  const options = { origin: 'http://127.0.0.1', path: '/', method: 'GET' };
  type Handler = Record<string, (...args: unknown[]) => unknown>;
  const drive = (play: (handler: Handler) => void, own: Handler) => {
    const dispatch = vi.fn((_: object, handler: object) => {
      play(handler as Handler);
      return true;
    });
    expect(traceInterceptor()(dispatch)(options, own)).toBe(true);
    return spans.ended.splice(0);
  };

  test.each<[string, (handler: Handler) => void, string]>([
    ['the older methods', (handler) => handler.onHeaders?.(200, ['a', '1'], () => {}, 'OK'), 'onHeaders'],
    ['the newer ones', (handler) => handler.onResponseStart?.({}, 200, { a: '1' }, 'OK'), 'onResponseStart'],
    ['an older upgrade', (handler) => handler.onUpgrade?.(101, [], {}), 'onUpgrade'],
    ['a newer upgrade', (handler) => handler.onRequestUpgrade?.({}, 101, {}, {}), 'onRequestUpgrade'],
    ['an older error', (handler) => handler.onError?.(new Error('x')), 'onError'],
    ['a newer error', (handler) => handler.onResponseError?.({}, new Error('x')), 'onResponseError'],
  ])('%s: heard, passed on with their arguments and receiver, ended once', (_, play, method) => {
    const own: Handler = {
      [method]: vi.fn(function (this: unknown) {
        expect(this).toBe(own);
        return 'returned';
      }),
    };
    const ended = drive((handler) => {
      play(handler);
      play(handler);
    }, own);
    expect(ended).toHaveLength(1);
    expect(own[method]).toHaveBeenCalledTimes(2);
  });

  test('what a handler does not have it does not get', () => {
    drive(
      (handler) => {
        expect(handler.onHeaders).toBeUndefined();
        expect('onBodySent' in handler).toBe(false);
      },
      { onError() {} },
    );
  });

  test('a dispatch that throws: by identity, and the span ends', () => {
    const failure = new Error('mine');
    const dispatch = () => {
      throw failure;
    };
    expect(() => traceInterceptor()(dispatch)(options, {})).toThrow(failure);
    expect(spans.ended).toHaveLength(1);
  });

  test('what has no URL is dispatched as it is', () => {
    const dispatch = vi.fn((..._: unknown[]) => true);
    const odd = { path: '/', method: 'GET' };
    const own = {};
    traceInterceptor()(dispatch)(odd, own);
    expect(dispatch.mock.calls[0]?.[0]).toBe(odd);
    expect(dispatch.mock.calls[0]?.[1]).toBe(own);
    expect(spans.open).toBe(0);
  });
});
