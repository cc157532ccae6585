import type { IncomingMessage, ServerResponse } from 'node:http';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { createTracedFetch, traceInterceptor } from '@throughline/fetch';
import { Agent, interceptors, request, fetch as undiciFetch } from 'undici';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { closeServers, listen, type Recorder, startSdk, stopSdk } from '../../core/test/sdk.ts';

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
