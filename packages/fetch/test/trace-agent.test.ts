import { once } from 'node:events';
import {
  Agent,
  type ClientRequest,
  createServer,
  get,
  type IncomingMessage,
  request,
  type Server,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { traceAgent } from '@throughline/fetch';
import { createSpanCollector } from '@throughline/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

const spans = createSpanCollector();
let server: Server;
let port: number;
let seen: IncomingMessage['headers'] | undefined;

beforeAll(async () => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  server = createServer((req, res) => {
    seen = req.headers;
    if (req.url === '/broken') return void res.destroy();
    if (req.url === '/slow') return;
    if (req.url?.startsWith('/to?')) {
      res.writeHead(302, { location: `http://${req.url.slice(4)}:${port}/x` }).end();
      return;
    }
    res.writeHead(req.url === '/404' ? 404 : 200).end('body');
  });
  server.on(
    'upgrade',
    (_req, socket) =>
      void socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
beforeEach(() => {
  seen = undefined;
});
afterEach(() => spans.assertClean());
afterAll(() => {
  trace.disable();
  context.disable();
  propagation.disable();
  server.closeAllConnections();
  server.close();
});

const call = (path: string, options: object = {}) =>
  request({ host: '127.0.0.1', port, path, agent: traceAgent(new Agent()), ...options });

/** Takes the span that a request ends, with what it emitted last. */
async function ended(made: ClientRequest, event: 'response' | 'close') {
  // Not `once()`, which takes an error for the end of its waiting.
  const argument = await new Promise((resolve) => made.once(event, resolve));
  if (event === 'response') (argument as IncomingMessage).resume();
  return { argument, span: await spans.take() };
}

describe('traceAgent', () => {
  test('describes the request by where it goes, and redacts', async () => {
    const { span } = await ended(
      call('/x?sig=S3CRET', { headers: { host: 'public.example' } }).end(),
      'response',
    );
    expect(span.name).toBe('GET');
    expect(span.attributes).toMatchObject({
      'url.full': `http://127.0.0.1:${port}/x?sig=REDACTED`,
      'server.address': '127.0.0.1',
      'http.response.status_code': 200,
    });
    expect(seen?.traceparent).toBe(`00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`);
    expect(seen?.host).toBe('public.example');
  });

  test.each([
    ['a response', {}, 'response'],
    ['an upgrade', { headers: { connection: 'upgrade', upgrade: 'x' } }, 'upgrade'],
  ])('names the protocol and the other end of the connection: %s', async (_, options, event) => {
    const made = call('/x', options).end();
    made.on(event, (head: IncomingMessage, socket?: Socket) => void (socket?.destroy() ?? head.resume()));
    const span = await spans.take();
    expect(span.attributes).toMatchObject({
      'network.protocol.version': '1.1',
      'network.peer.address': '127.0.0.1',
      'network.peer.port': port,
    });
  });

  test.each([
    ['a status', '/404', '404'],
    ['a connection that breaks', '/broken', 'ECONNRESET'],
  ])('an error: %s', async (_, path, type) => {
    const made = call(path).end();
    made.on('error', () => {});
    const { span } = await ended(made, path === '/404' ? 'response' : 'close');
    expect(span.attributes['error.type']).toBe(type);
  });

  test('given up by the caller is no error', async () => {
    const controller = new AbortController();
    const made = call('/slow', { signal: controller.signal }).end();
    made.on('error', () => {});
    setTimeout(() => controller.abort(), 20);
    const { span } = await ended(made, 'close');
    expect(span.attributes['error.type']).toBeUndefined();
  });

  test('an upgrade ends the call with 101', async () => {
    const made = call('/ws', { headers: { connection: 'upgrade', upgrade: 'x' } }).end();
    const [response, socket] = await once(made, 'upgrade');
    socket.destroy();
    expect((response as IncomingMessage).statusCode).toBe(101);
    const span = await spans.take();
    expect(span.attributes['http.response.status_code']).toBe(101);
  });

  test('Node does with unread responses, unhandled errors and listeners what it does without us', async () => {
    const bare = request({ host: '127.0.0.1', port, path: '/x' });
    const traced = call('/x');
    expect(traced.eventNames()).toEqual(bare.eventNames());
    bare.end();
    // Nobody reads the response: Node empties it, and the request closes.
    traced.end();
    await Promise.all([once(bare, 'close'), once(traced, 'close')]);
    await spans.take();
    const uncaught = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const thrown = once(process, 'uncaughtException');
    call('/broken').end();
    const [error] = await thrown.finally(() => {
      for (const listener of uncaught) process.on('uncaughtException', listener);
    });
    expect((error as NodeJS.ErrnoException).code).toBe('ECONNRESET');
    await spans.take();
  });

  test('a head that is composed already has its span and no header', async () => {
    const { span } = await ended(call('/x', { headers: ['host', 'x', 'x-own', '1'] }).end(), 'response');
    expect([seen?.['x-own'], seen?.traceparent]).toEqual(['1', undefined]);
    expect(span.attributes['http.response.status_code']).toBe(200);
  });

  test('a request that another instrumentation has traced is left to it', async () => {
    const tracer = trace.getTracer('other');
    await tracer.startActiveSpan('theirs', async (theirs) => {
      const traceparent = `00-${theirs.spanContext().traceId}-${theirs.spanContext().spanId}-01`;
      const [response] = await once(call('/x', { headers: { traceparent } }).end(), 'response');
      response.resume();
      expect(seen?.traceparent).toBe(traceparent);
      theirs.end();
    });
    await spans.take(({ name }) => name === 'theirs');
  });

  test('is the agent that was given in all else', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 3 });
    const traced = traceAgent(agent);
    expect(traced).toBeInstanceOf(Agent);
    traced.maxSockets = 4;
    expect(agent.maxSockets).toBe(4);
    for (let turn = 0; turn < 2; turn++) {
      const made = get({ host: '127.0.0.1', port, path: '/x', agent: traced });
      await ended(made, 'response');
      await once(made, 'close');
      expect(made.reusedSocket).toBe(turn === 1);
    }
    traced.destroy();
    expect(
      Object.values(agent.freeSockets)
        .flatMap((free) => free ?? [])
        .every(({ destroyed }) => destroyed),
    ).toBe(true);
  });

  test.each([
    ['another origin', 'localhost', false],
    ['the same origin', '127.0.0.1', true],
  ])('a client that follows to %s', async (_, host, told) => {
    const agent = traceAgent(new Agent({ keepAlive: true }));
    // The second time over a connection that is there already.
    for (let turn = 0; turn < 2; turn++) {
      const followed = await new Promise<ClientRequest>((resolve) =>
        call(`/to?${host}`, { agent })
          .on('response', (response) => {
            response.resume();
            resolve(get(String(response.headers.location), { agent }));
          })
          .end(),
      );
      await spans.take();
      await ended(followed, 'response');
      expect(seen?.host).toContain(host);
      expect(seen?.traceparent !== undefined).toBe(told);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    agent.destroy();
  });

  test('listeners run in the context of the caller', async () => {
    await trace.getTracer('test').startActiveSpan('caller', async (caller) => {
      const made = call('/x').end();
      const active = await new Promise((resolve) =>
        made.on('response', (response) => {
          response.on('end', () => resolve(trace.getActiveSpan())).resume();
        }),
      );
      expect(active).toBe(caller);
      caller.end();
    });
    await spans.takeMany(2);
  });

  test('propagateTo decides what is told, and wrong options are refused', async () => {
    const agent = traceAgent(new Agent(), { propagateTo: 'none' });
    await ended(call('/x', { agent }).end(), 'response');
    expect(seen?.traceparent).toBeUndefined();
    expect(() => traceAgent({} as Agent)).toThrow(
      '[throughline/fetch] traceAgent(): agent must be an http.Agent, got object',
    );
    expect(() => traceAgent(new Agent(), { ignore: 1 } as never)).toThrow('traceAgent(): options.ignore');
  });
});
