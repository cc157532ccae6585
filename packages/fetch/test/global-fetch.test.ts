import type { IncomingMessage } from 'node:http';
import { type Context, context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { isTracingSuppressed } from '@throughline/core/seam';
import { createTracedFetch, type TracedFetch, tracedFetch } from '@throughline/fetch';
import { install } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { closeServers, listen, type Recorder, startSdk, stopSdk } from '../../core/test/sdk.ts';

type Fetch = typeof globalThis.fetch;

const platform = Object.getOwnPropertyDescriptors(globalThis);
const REPLACED = ['fetch', 'Headers', 'Request', 'Response', 'FormData'] as const;

let spans: Recorder;
let seen: IncomingMessage[];
let url: string;
beforeEach(async () => {
  spans = startSdk();
  seen = [];
  const port = await listen((req, res) => {
    seen.push(req);
    res.end('ok');
  });
  url = `http://127.0.0.1:${port}/`;
});
afterEach(async () => {
  for (const name of REPLACED) Object.defineProperty(globalThis, name, platform[name]);
  await closeServers();
  stopSdk();
});

const around =
  (fetch: TracedFetch): Fetch =>
  (input, init) =>
    fetch(input as string, init);
const later =
  (fetch: TracedFetch): Fetch =>
  async (input, init) => {
    await new Promise((done) => setTimeout(done, 1));
    return fetch(input as string, { ...init });
  };

/** Ways to put a traced fetch in the place of the global one. */
const WAYS: [string, () => Fetch][] = [
  ['tracedFetch', () => tracedFetch as Fetch],
  ['createTracedFetch()', () => createTracedFetch() as Fetch],
  ['a lambda around tracedFetch', () => around(tracedFetch)],
  ['a lambda around createTracedFetch()', () => around(createTracedFetch())],
  ['a function that waits first', () => later(tracedFetch)],
  ['a lambda around a lambda', () => around(around(createTracedFetch()) as TracedFetch)],
  [
    'one made after another was put there',
    () => {
      globalThis.fetch = tracedFetch as Fetch;
      return createTracedFetch() as Fetch;
    },
  ],
  [
    'three, each made after the one before was put there',
    () => {
      globalThis.fetch = around(createTracedFetch());
      globalThis.fetch = createTracedFetch() as Fetch;
      return around(createTracedFetch());
    },
  ],
  [
    'one that was given a function that looks the global fetch up',
    () => createTracedFetch({ fetch: (input, init) => globalThis.fetch(input, init) }) as Fetch,
  ],
  ['one that was given the global fetch', () => createTracedFetch({ fetch: globalThis.fetch }) as Fetch],
  ['bound', () => tracedFetch.bind(undefined) as Fetch],
  ['a Proxy', () => new Proxy(tracedFetch, {}) as Fetch],
];

test('a call runs in one context of ours, in which other tracing is silent, and leaves the caller’s own alone', async () => {
  const runs: Context[] = [];
  const { with: run } = AsyncLocalStorageContextManager.prototype;
  class Watched extends AsyncLocalStorageContextManager {}
  Watched.prototype.with = function (this: Watched, active: Context, ...rest: never) {
    runs.push(active);
    return Reflect.apply(run, this, [active, ...(rest as never[])]);
  } as typeof run;
  context.disable();
  context.setGlobalContextManager(new Watched().enable());
  // The first call finds out what the manager can do.
  await (await tracedFetch(url)).text();
  runs.length = 0;
  const caller = ROOT_CONTEXT.setValue(createContextKey('caller'), true);
  const response = await context.with(caller, async () => {
    const found = await tracedFetch(url);
    expect(context.active()).toBe(caller);
    return found;
  });
  await response.text();
  expect(runs.map(isTracingSuppressed)).toEqual([false, true]);
  expect(runs[0]).toBe(caller);
  await spans.take(2);
});

describe('in the place of the global fetch', () => {
  describe.each([
    ['with an SDK', () => {}],
    ['without one', () => stopSdk()],
  ])('%s', (sdk, prepare) => {
    test.each(WAYS)('%s: one request, one span, one traceparent', async (_, make) => {
      prepare();
      globalThis.fetch = make();
      const calls: Fetch[] = [globalThis.fetch, tracedFetch as Fetch, createTracedFetch() as Fetch];
      for (const fetch of calls) expect(await (await fetch(url)).text()).toBe('ok');
      expect(seen).toHaveLength(calls.length);
      if (sdk !== 'with an SDK') return;
      const ids = (await spans.take(calls.length)).map((span) => span.spanContext().spanId);
      expect(
        seen.map(({ headersDistinct }) => headersDistinct.traceparent?.map((one) => one.split('-')[2])),
      ).toEqual(ids.map((id) => [id]));
    });
  });

  test('a library is traced that calls the global fetch with a Request', async () => {
    globalThis.fetch = tracedFetch as Fetch;
    await (await fetch(new Request(url, { method: 'POST', body: 'x' }))).text();
    expect((await spans.one()).attributes['http.request.method']).toBe('POST');
    expect(seen[0]?.headersDistinct.traceparent).toHaveLength(1);
  });
});

describe('replaced by another tool', () => {
  /** As a mock does: it answers some calls itself and hands the others on. */
  function mock() {
    const before = globalThis.fetch;
    const asked: string[] = [];
    globalThis.fetch = async (input, init) => {
      const request = new Request(input, init);
      asked.push(`${request.url} ${request.headers.has('traceparent')}`);
      return request.url.endsWith('/mocked') ? new Response('mocked') : before(request);
    };
    return asked;
  }

  test.each<[string, boolean]>([
    ['and not ours', false],
    ['and ours before', true],
  ])('a mock put there later %s sees the call with its headers', async (_, ours) => {
    if (ours) globalThis.fetch = tracedFetch as Fetch;
    const asked = mock();
    expect(await (await tracedFetch(`${url}mocked`)).text()).toBe('mocked');
    expect(await (await tracedFetch(url)).text()).toBe('ok');
    expect(asked).toEqual([`${url}mocked true`, `${url} true`]);
    expect(seen.map(({ headersDistinct }) => headersDistinct.traceparent?.length)).toEqual([1]);
    await spans.take(2);
    expect(spans.open).toBe(0);
  });

  test('a mock that was there before one was made stays underneath', async () => {
    const asked = mock();
    globalThis.fetch = createTracedFetch() as Fetch;
    expect(await (await fetch(`${url}mocked`)).text()).toBe('mocked');
    expect(asked).toEqual([`${url}mocked true`]);
    await spans.one();
  });

  test('undici.install(), before and after ours', async () => {
    install();
    expect(await (await tracedFetch(url)).text()).toBe('ok');
    globalThis.fetch = tracedFetch as Fetch;
    expect(await (await fetch(new Request(url))).text()).toBe('ok');
    globalThis.fetch = createTracedFetch() as Fetch;
    expect(await (await fetch(new Request(url))).text()).toBe('ok');
    install();
    expect(await (await tracedFetch(new Request(url))).text()).toBe('ok');
    await spans.take(4);
    expect(seen.every(({ headersDistinct }) => headersDistinct.traceparent?.length === 1)).toBe(true);
  });
});
