import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { context, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api';
import { createTracedFetch, tracedFetch } from '@throughline/fetch';
import * as undici from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { closeServers, listen, type Recorder, startSdk, stopSdk } from '../../core/test/sdk.ts';

type Fetch = typeof globalThis.fetch;

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

function agent(options: undici.Agent.Options): undici.Agent {
  const made = new undici.Agent(options);
  agents.push(made);
  return made;
}

interface Way {
  readonly fetch: Fetch;
  readonly Request: typeof Request;
  /** A dispatcher as this fetch wants it. */
  readonly dispatcher: (from: undici.Dispatcher) => unknown;
}

const GLOBAL: Way = {
  fetch: tracedFetch as Fetch,
  Request,
  // Up to version 7, which Node 24 holds, undici speaks to dispatchers by the first version of their interface.
  dispatcher: (from) => new undici.Dispatcher1Wrapper(from),
};
const UNDICI: Way = {
  fetch: createTracedFetch({ fetch: undici.fetch as never }) as Fetch,
  Request: undici.Request as never,
  dispatcher: (from) => from,
};
const AROUND: Way = {
  ...GLOBAL,
  fetch: createTracedFetch({ fetch: (input, init) => fetch(input, init) }) as Fetch,
};

const AROUND_UNDICI: Way = {
  ...UNDICI,
  fetch: createTracedFetch({
    fetch: (input, init) => undici.fetch(input as never, init as never) as never,
  }) as Fetch,
};

describe('a streamed upload', () => {
  const CHUNK = 65_536;
  const CHUNKS = 3_200;
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;

  /**
   * A stream of 200 MB that notes, before its end, the fewest bytes of buffers that the process holds. The collector frees
   * buffers on threads of its own, so the stream waits until there are no more than `enough`; what is kept stays in all rounds.
   */
  function upload(enough: number) {
    let sent = 0;
    let held = Number.POSITIVE_INFINITY;
    const body = new ReadableStream({
      async pull(controller) {
        if (sent < CHUNKS) {
          sent += 1;
          return controller.enqueue(new Uint8Array(CHUNK));
        }
        for (let round = 0; round < 50 && held >= enough; round++) {
          await sleep(10);
          collectGarbage();
          held = Math.min(held, process.memoryUsage().arrayBuffers);
        }
        controller.close();
      },
    });
    return { body, held: () => held };
  }

  test.each<[string, Fetch, Way, 'init' | 'Request']>([
    ['the global fetch, in a Request', fetch, GLOBAL, 'Request'],
    ['the fetch of undici 8, in init', undici.fetch as never, UNDICI, 'init'],
    ['the fetch of undici 8, in a Request', undici.fetch as never, UNDICI, 'Request'],
    ['a function around it, in init', undici.fetch as never, AROUND_UNDICI, 'init'],
    ['a function around it, in a Request', undici.fetch as never, AROUND_UNDICI, 'Request'],
  ])('%s: no more is kept in memory than without us', { timeout: 60_000 }, async (_, bare, way, as) => {
    let received = 0;
    const port = await listen((req, res) => {
      req.on('data', (chunk: Buffer) => {
        received += chunk.length;
      });
      req.on('end', () => res.end('ok'));
    });
    const url = `http://127.0.0.1:${port}/`;
    const heldBy = async (fetch: Fetch, enough: number) => {
      const { body, held } = upload(enough);
      const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
      const response = await (as === 'init' ? fetch(url, init) : fetch(new way.Request(url, init)));
      expect(await response.text()).toBe('ok');
      return held();
    };
    const whole = CHUNK * CHUNKS;
    // What sockets hold varies, and is far below the whole. Up to version 7, undici holds all of it by itself.
    const plain = bare === fetch ? await heldBy(bare, 0) : 0;
    received = 0;
    const enough = plain + whole / 2;
    expect(await heldBy(way.fetch, enough)).toBeLessThan(enough);
    expect(received).toBe(whole);
    await spans.one();
  });
});

describe('a Request keeps what it holds on every hop', () => {
  /** A server that redirects twice and notes who asked. */
  async function chain() {
    const seen: IncomingMessage[] = [];
    const port = await listen((req, res) => {
      seen.push(req);
      const at = Number(req.url?.slice(1));
      return at < 2 ? res.writeHead(307, { location: `/${at + 1}` }).end() : res.end('done');
    });
    return { seen, url: `http://127.0.0.1:${port}/0` };
  }

  test.each<[string, Way, 'init' | 'Request' | 'both']>([
    ['the global fetch, in init', GLOBAL, 'init'],
    ['the global fetch, in a Request', GLOBAL, 'Request'],
    ['the global fetch, in init over a Request', GLOBAL, 'both'],
    ['the fetch of undici 8, in init', UNDICI, 'init'],
    ['the fetch of undici 8, in a Request', UNDICI, 'Request'],
    ['the fetch of undici 8, in init over a Request', UNDICI, 'both'],
    ['a function around fetch, in init', AROUND, 'init'],
  ])('the dispatcher: %s', async (_, { fetch, Request, dispatcher }, as) => {
    const { url, seen } = await chain();
    const own = agent({ localAddress: '127.0.0.5' });
    const other = agent({ localAddress: '127.0.0.6' });
    const init = { method: 'POST', body: 'text', dispatcher: dispatcher(own) } as RequestInit;
    const response = await (as === 'init'
      ? fetch(url, init)
      : as === 'Request'
        ? fetch(new Request(url, init))
        : fetch(new Request(url, { ...init, dispatcher: dispatcher(other) } as RequestInit), init));
    expect(await response.text()).toBe('done');
    expect(seen.map((req) => req.socket.remoteAddress)).toEqual(['127.0.0.5', '127.0.0.5', '127.0.0.5']);
    const hops = await spans.take(3);
    expect(hops.map(({ attributes }) => attributes['http.request.resend_count'])).toEqual([undefined, 1, 2]);
    expect(seen.map(({ headers }) => String(headers.traceparent).split('-')[2])).toEqual(
      hops.map((hop) => hop.spanContext().spanId),
    );
  });

  test.each([
    ['the global fetch', GLOBAL],
    ['the fetch of undici 8', UNDICI],
  ])(
    '%s: requests that wait in one queue keep their own traces',
    async (_, { fetch, Request, dispatcher }) => {
      const { url, seen } = await chain();
      const own = dispatcher(agent({ connections: 1 }));
      const parents = Array.from({ length: 20 }, (_, at) =>
        trace.getTracer('test').startSpan(`caller ${at}`),
      );
      const call = (parent: Span, at: number) =>
        context.with(trace.setSpan(ROOT_CONTEXT, parent), async () => {
          const request = new Request(url, {
            headers: { 'x-call': String(at) },
            dispatcher: own,
          } as RequestInit);
          await (await fetch(request)).text();
        });
      await Promise.all(parents.map(call));
      expect(seen).toHaveLength(60);
      for (const { headers } of seen)
        expect(String(headers.traceparent).split('-')[1]).toBe(
          parents[Number(headers['x-call'])]?.spanContext().traceId,
        );
      const clients = await spans.take(60);
      for (const parent of parents)
        expect(
          clients
            .filter(({ parentSpanContext }) => parentSpanContext?.spanId === parent.spanContext().spanId)
            .map(({ attributes }) => attributes['http.request.resend_count'] ?? 0)
            .sort(),
        ).toEqual([0, 1, 2]);
      for (const parent of parents) parent.end();
    },
  );

  test.each([
    ['the global fetch', GLOBAL],
    ['the fetch of undici 8', UNDICI],
  ])('%s: a stranger gets the fields of the caller, not ours', async (_, { fetch, Request }) => {
    const seen: Record<string, unknown>[] = [];
    const note = (req: IncomingMessage) =>
      seen.push({ baggage: req.headers.baggage, traceparent: req.headers.traceparent });
    const there = await listen((req, res) => {
      note(req);
      res.writeHead(302, { location: `http://127.0.0.1:${here}/end` }).end();
    });
    const here: number = await listen((req, res) => {
      note(req);
      if (req.url === '/end') res.end('done');
      else res.writeHead(302, { location: `http://127.0.0.1:${there}/` }).end();
    });
    const headers = { traceparent: 'mine', 'x-own': '1' };
    await (await fetch(new Request(`http://127.0.0.1:${here}/`, { headers }))).text();
    const ids = (await spans.take(3)).map((hop) => hop.spanContext().spanId);
    expect(seen.map(({ traceparent }) => traceparent)).toEqual([
      expect.stringContaining(ids[0] as string),
      'mine',
      expect.stringContaining(ids[2] as string),
    ]);
  });

  test('a retry by its own dispatcher is a request of its own', async () => {
    const seen: IncomingMessage[] = [];
    const port = await listen((req, res) => {
      seen.push(req);
      res.writeHead(seen.length < 3 ? 503 : 200).end();
    });
    const retrying = agent({}).compose(undici.interceptors.retry({ minTimeout: 1, maxTimeout: 1 }));
    const { fetch, Request } = UNDICI;
    await fetch(new Request(`http://127.0.0.1:${port}/`, { dispatcher: retrying } as never));
    const attempts = await spans.take(3);
    expect(
      attempts.map(({ attributes }) => [
        attributes['http.response.status_code'],
        attributes['http.request.resend_count'],
      ]),
    ).toEqual([
      [503, undefined],
      [503, 1],
      [200, 2],
    ]);
    expect(seen.map(({ headers }) => String(headers.traceparent).split('-')[2])).toEqual(
      attempts.map((attempt) => attempt.spanContext().spanId),
    );
  });
});

describe('mocks of undici', () => {
  test.each([
    ['a text', false],
    ['a Request', true],
  ])('a MockAgent answers, with %s', async (_, asRequest) => {
    const mocks = new undici.MockAgent();
    mocks.disableNetConnect();
    agents.push({ destroy: () => mocks.close() });
    const headers: unknown[] = [];
    mocks
      .get('http://mock.test')
      .intercept({ path: '/', method: 'POST', body: 'text' })
      .reply(200, (options) => {
        headers.push(options.headers);
        return 'mocked';
      });
    const init = { method: 'POST', body: 'text', dispatcher: mocks } as unknown as RequestInit;
    const url = 'http://mock.test/';
    const response = await (asRequest
      ? UNDICI.fetch(new UNDICI.Request(url, init))
      : UNDICI.fetch(url, init));
    expect(await response.text()).toBe('mocked');
    const span = await spans.one();
    expect(JSON.stringify(headers)).toContain(span.spanContext().spanId);
    expect(span.attributes['http.response.status_code']).toBe(200);
  });
});
