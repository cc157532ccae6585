import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { UnderlyingSource } from 'node:stream/web';
import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { activeContext } from '@throughline/core';
import { assertErrorType, createSpanCollector } from '@throughline/testing';
import { exchangeOf, traceFetchHandler } from '@throughline/web';
import { traceContext } from '@throughline/web/hono';
import { Hono } from 'hono';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const spans = createSpanCollector();
const STATUS = 'http.response.status_code';

beforeAll(() => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterEach(() => spans.assertClean());
afterAll(() => {
  trace.disable();
  context.disable();
});

const get = (path = '/items/7', init?: RequestInit) => new Request(`http://shop.example:8080${path}`, init);

/** A stream that hands out its chunks one by one, as they are asked for. */
function streamOf(chunks: readonly string[], more: UnderlyingSource<Uint8Array> = {}) {
  const rest = [...chunks];
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = rest.shift();
      if (next === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(next));
    },
    ...more,
  });
}

describe('traceFetchHandler()', () => {
  it('gives handlers the span of their request, active and through exchangeOf', async () => {
    const handler = traceFetchHandler(async (request) => {
      exchangeOf(request)?.setRoute('/items/:id');
      await null;
      return new Response(trace.getActiveSpan()?.spanContext().spanId);
    });

    const text = await (await handler(get('/items/7?a=b'))).text();

    const span = await spans.take(({ name }) => name === 'GET /items/:id');
    expect(span.spanContext().spanId).toBe(text);
    expect(span.attributes).toMatchObject({
      'url.path': '/items/7',
      'url.query': 'a=b',
      'url.scheme': 'http',
      'server.address': 'shop.example',
      'server.port': 8080,
      [STATUS]: 200,
    });
  });

  it('names the function and the option when it is made with a wrong one', () => {
    expect(() => traceFetchHandler('handler' as never)).toThrow(
      new TypeError('[throughline/web] traceFetchHandler(): handler must be a function, got string'),
    );
    expect(() => traceFetchHandler(() => new Response(), { ignore: '/health' as never })).toThrow(
      "[throughline/web] traceFetchHandler(): options.ignore must be a function, got string '/health'",
    );
  });

  it('passes what the runtime passes on, and answers at once where the handler does', async () => {
    const seen: unknown[] = [];
    const handler = traceFetchHandler((_request, ...rest: readonly unknown[]) => {
      seen.push(...rest);
      return new Response(null, { status: 204 });
    });

    const answer = handler(get(), 'bindings', 'execution');

    expect(answer).toBeInstanceOf(Response);
    expect(seen).toEqual(['bindings', 'execution']);
    expect((await spans.take()).attributes[STATUS]).toBe(204);
  });

  it('records what a handler throws, and passes it on by identity', async () => {
    const thrown = new RangeError('out of stock');
    for (const handler of [
      traceFetchHandler(() => {
        throw thrown;
      }),
      traceFetchHandler(() => Promise.reject(thrown)),
    ]) {
      await expect((async () => handler(get()))()).rejects.toBe(thrown);
      const span = await spans.take();
      assertErrorType(span, 'RangeError');
      expect(span.attributes[STATUS]).toBeUndefined();
      expect(span.events.map(({ attributes }) => attributes?.['exception.message'])).toEqual([
        'out of stock',
      ]);
    }
  });

  it('records the client that shows in what Bun and Deno pass', async () => {
    const handler = traceFetchHandler((_request, _environment: object) => new Response(null));
    const bun = { requestIP: () => ({ address: '192.0.2.1', port: 4711, family: 'IPv4' }) };
    const deno = { remoteAddr: { transport: 'tcp', hostname: '192.0.2.1', port: 4711 } };
    for (const environment of [bun, deno]) {
      handler(get(), environment);
      expect((await spans.take()).attributes).toMatchObject({
        'client.address': '192.0.2.1',
        'network.peer.port': 4711,
      });
    }
  });

  it('makes one span of two servers around one request, and takes the route of the one further in', async () => {
    const app = new Hono().use(traceContext()).get('/items/:id', (c) => c.text('item'));
    const handler = traceFetchHandler(traceFetchHandler(app.fetch));

    expect(await (await handler(get())).text()).toBe('item');

    const span = await spans.take(({ name }) => name === 'GET /items/:id');
    expect(span.attributes[STATUS]).toBe(200);
  });
});

describe('exposeTrace', () => {
  it('adds the ids of the request to the headers of the application, also where those cannot be written', async () => {
    const upstream = createServer((_req, res) => res.setHeader('server-timing', 'db;dur=3').end('up'));
    await once(upstream.listen(0, '127.0.0.1'), 'listening');
    const { port } = upstream.address() as AddressInfo;
    const own = { headers: { 'access-control-allow-origin': '*', 'server-timing': 'db;dur=3' } };
    for (const answer of [() => new Response('own', own), () => fetch(`http://127.0.0.1:${port}`)]) {
      const handler = traceFetchHandler(answer as () => Promise<Response>, { exposeTrace: 'server-timing' });

      const response = await handler(get());

      const timing = response.headers.get('server-timing');
      expect(await response.text()).toMatch(/own|up/);
      const { traceId, spanId } = (await spans.take()).spanContext();
      expect(timing).toBe(`db;dur=3, trace;desc=00-${traceId}-${spanId}-01`);
      if (response.headers.has('access-control-allow-origin'))
        expect(response.headers.get('access-control-expose-headers')).toBe('Server-Timing');
    }
    upstream.close();
    upstream.closeAllConnections();
  });

  it('sends nothing to a caller that is not trusted', async () => {
    const handler = traceFetchHandler(() => new Response(null), {
      exposeTrace: 'traceresponse',
      trust: 'restart',
    });

    const response = await handler(get());

    expect(response.headers.has('traceresponse')).toBe(false);
    await spans.take();
  });
});

describe('the end of the response', () => {
  it('is the end of its body stream, whose callbacks run in the context of the request', async () => {
    const seen: unknown[] = [];
    const handler = traceFetchHandler(
      () =>
        new Response(
          streamOf(['a', 'b'], {
            pull(controller) {
              seen.push(trace.getSpan(activeContext())?.spanContext().spanId);
              if (seen.length === 3) controller.close();
              else controller.enqueue(new Uint8Array([65]));
            },
          }),
          { status: 201, statusText: 'Made', headers: { 'x-answer': '42' } },
        ),
    );

    const response = await handler(get());
    expect(spans.open()).toHaveLength(1);
    expect(await response.text()).toBe('AA');

    expect([response.status, response.statusText, response.headers.get('x-answer')]).toEqual([
      201,
      'Made',
      '42',
    ]);
    const span = await spans.take();
    expect(span.attributes[STATUS]).toBe(201);
    assertErrorType(span, undefined);
    expect(new Set(seen)).toEqual(new Set([span.spanContext().spanId]));
  });

  it('is the cancellation of its body, which reaches the stream of the handler', async () => {
    let reason: unknown;
    const handler = traceFetchHandler(
      () =>
        new Response(
          streamOf(['a', 'b', 'c'], {
            cancel(given) {
              reason = given;
            },
          }),
        ),
    );

    const reader = (await handler(get())).body?.getReader();
    await reader?.read();
    await reader?.cancel('gone');

    const span = await spans.take();
    expect(span.attributes[STATUS]).toBe(200);
    assertErrorType(span, 'client_disconnected');
    expect(reason).toBe('gone');
  });

  it('is what its body breaks with, which reaches the reader by identity', async () => {
    const broken = new RangeError('the source broke');
    const handler = traceFetchHandler(
      () =>
        new Response(
          streamOf([], {
            pull() {
              throw broken;
            },
          }),
        ),
    );

    await expect((await handler(get())).text()).rejects.toBe(broken);

    const span = await spans.take();
    expect(span.attributes[STATUS]).toBe(200);
    assertErrorType(span, 'RangeError');
    expect(span.status.code).toBe(SpanStatusCode.ERROR);
  });

  it('is the departure of the client while the handler works; what it answers then changes nothing', async () => {
    const leaving = new AbortController();
    let answerWith: (response: Response) => void = () => {};
    const handler = traceFetchHandler(() => new Promise<Response>((resolve) => (answerWith = resolve)));

    const answer = handler(get('/', { signal: leaving.signal }));
    leaving.abort();

    const span = await spans.take();
    expect(span.attributes[STATUS]).toBeUndefined();
    assertErrorType(span, 'client_disconnected');
    answerWith(new Response('late'));
    expect(await (await answer).text()).toBe('late');
  });

  it('is not a signal that fires after the answer, as Deno’s does', async () => {
    const over = new AbortController();
    const handler = traceFetchHandler(() => new Response(streamOf(['a'])));

    const response = await handler(get('/', { signal: over.signal }));
    over.abort();
    expect(await response.text()).toBe('a');

    assertErrorType(await spans.take(), undefined);
  });

  it('of HEAD is the answer, because its body is not sent', async () => {
    const handler = traceFetchHandler(() => new Response(streamOf(['a'])));

    const response = await handler(get('/', { method: 'HEAD' }));

    assertErrorType(await spans.take(), undefined);
    await response.body?.cancel();
  });

  it('is the answer where the response cannot be followed', async () => {
    const used = new Response('used');
    used.body?.getReader();
    for (const odd of [Response.error(), used, undefined as never]) {
      const handler = traceFetchHandler(() => odd);
      expect(await handler(get())).toBe(odd);
      await spans.take();
    }
  });
});
