import { EventEmitter, once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { logFields } from '@throughline/core/logs';
import * as onExpress from '@throughline/express';
import { tracePlugin } from '@throughline/fastify';
import * as onKoa from '@throughline/koa';
import { createSpanCollector } from '@throughline/testing';
import type express from 'express';
import type { fastify } from 'fastify';
import type Koa from 'koa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';

const spans = createSpanCollector();
beforeAll(() => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterEach(() => spans.assertClean());
afterAll(() => {
  trace.disable();
  context.disable();
});

const require = createRequire(import.meta.url);
const failure = new RangeError('from the handler');

/** What an application logs, with the ids that a logger would add. */
const logged: { what: string; traceId: unknown }[] = [];
const log = (what: string) => void logged.push({ what, traceId: logFields().trace_id });
beforeEach(() => void logged.splice(0));

async function withServer(server: Server, use: (port: number) => Promise<unknown>): Promise<void> {
  if (!server.listening) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const get = (path: string) => (port: number) =>
  fetch(`http://127.0.0.1:${port}${path}`).then((res) => res.text());

/** Logged while or after the request was served, in its trace. */
async function expectLogged(...what: string[]): Promise<void> {
  // Koa 2 says twice that a body broke.
  await vi.waitFor(() => expect([...new Set(logged.map((line) => line.what))]).toEqual(what));
  const span = await spans.take();
  expect(new Set(logged.map(({ traceId }) => traceId))).toEqual(new Set([span.spanContext().traceId]));
}

describe.each(['koa', 'koa2'])('%s', (name) => {
  const createApp = (): Koa => {
    const app = new (require(name) as typeof Koa)();
    app.use(onKoa.traceContext());
    return app;
  };

  test.each<[string, Koa.Middleware]>([
    ['a middleware throws', () => Promise.reject(failure)],
    [
      'a body breaks',
      (ctx) => {
        ctx.body = new Readable({ read: () => {} });
        // A request line of its own: no context is active in a timer that was set by somebody else.
        setTimeout(() => (ctx.body as Readable).destroy(failure), 10);
      },
    ],
  ])('app.on("error"), when %s', async (_, middleware) => {
    const app = createApp();
    app.on('error', (error) => log(error.message));
    app.use(middleware);
    await withServer(createServer(app.callback() as RequestListener), (port) =>
      get('/')(port).catch(() => undefined),
    );
    await expectLogged(failure.message);
  });

  test('an error handler of the application’s own still takes the place of Koa’s', async () => {
    const app = createApp();
    app.context.onerror = function onerror(this: Koa.Context, error: Error | null) {
      if (error) {
        log(`own: ${error.message}`);
        this.res.statusCode = 500;
        this.res.end();
      }
    } as Koa.BaseContext['onerror'];
    app.use(() => Promise.reject(failure));
    await withServer(createServer(app.callback() as RequestListener), get('/'));
    await expectLogged(`own: ${failure.message}`);
  });
});

describe.each(['express', 'express4'])('%s', (name) => {
  const framework = require(name) as typeof express;

  test('what Express writes to the console itself', async () => {
    const console = vi
      .spyOn(globalThis.console, 'error')
      .mockImplementation((text) => log(String(text).split('\n')[0] ?? ''));
    try {
      const app = framework();
      app.set('env', 'development');
      app.use(onExpress.traceContext());
      app.get('/', (_req, _res, next) => void setImmediate(() => next(failure)));
      await withServer(createServer(app), get('/'));
      await expectLogged('RangeError: from the handler');
    } finally {
      console.mockRestore();
    }
  });

  test('an error handler', async () => {
    const app = framework();
    app.use(onExpress.traceContext());
    app.get('/', () => {
      throw failure;
    });
    app.use(onExpress.traceErrors());
    app.use(((error, _req, res, _next) => {
      log(error.message);
      res.status(500).end();
    }) as express.ErrorRequestHandler);
    await withServer(createServer(app), get('/'));
    await expectLogged(failure.message);
  });
});

describe.each(['fastify', 'fastify4'])('%s', (name) => {
  const { fastify: createApp } = require(name) as { fastify: typeof fastify };

  test('setErrorHandler and onError', async () => {
    const app = createApp();
    await app.register(tracePlugin);
    app.setErrorHandler((error, _request, reply) => {
      log(`handler: ${(error as Error).message}`);
      reply.code(500).send(error);
    });
    app.addHook('onError', async (_request, _reply, error) => log(`onError: ${error.message}`));
    app.get('/', () => Promise.reject(failure));
    await app.ready();
    await withServer(app.server, get('/'));
    await expectLogged(`onError: ${failure.message}`, `handler: ${failure.message}`);
  });

  test('onTimeout', async () => {
    const app = createApp({ connectionTimeout: 50 });
    await app.register(tracePlugin);
    const timedOut = new EventEmitter();
    app.addHook('onTimeout', async (request) => {
      log('timed out');
      request.raw.socket.destroy();
      timedOut.emit('done');
    });
    app.get('/', () => once(timedOut, 'done'));
    await app.ready();
    await withServer(app.server, (port) => get('/')(port).catch(() => undefined));
    await expectLogged('timed out');
  });

  test('onTimeout: without a time-out there is no listener of ours on sockets', async () => {
    const app = createApp();
    await app.register(tracePlugin);
    let listeners: number | undefined;
    app.get('/', async (request) => {
      listeners = request.raw.socket.listenerCount('timeout');
      return '';
    });
    const bare = createApp();
    let without: number | undefined;
    bare.get('/', async (request) => {
      without = request.raw.socket.listenerCount('timeout');
      return '';
    });
    for (const each of [app, bare]) {
      await each.ready();
      await withServer(each.server, get('/'));
    }
    expect(listeners).toBe(without);
    await spans.take();
  });

  test('onRequestAbort', async () => {
    const app = createApp();
    await app.register(tracePlugin);
    const aborted = new EventEmitter();
    app.addHook('onRequestAbort', async (_request) => {
      log('aborted');
      aborted.emit('done');
    });
    app.post('/', () => once(aborted, 'done'));
    await app.ready();
    await withServer(app.server, async (port) => {
      const seen = once(aborted, 'done');
      const socket = connect(port, '127.0.0.1');
      socket.write(
        'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nhalf',
      );
      setTimeout(() => socket.destroy(), 30);
      await seen;
    });
    await expectLogged('aborted');
  });
});
