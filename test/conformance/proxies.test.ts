import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import { text } from 'node:stream/consumers';
import fastifyProxy from '@fastify/http-proxy';
import replyFrom from '@fastify/reply-from';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { traceContext } from '@throughline/express';
import { tracePlugin } from '@throughline/fastify';
import { traceAgent, traceInterceptor } from '@throughline/fetch';
import { traceListener } from '@throughline/http';
import { createSpanCollector } from '@throughline/testing';
import type express from 'express';
import proxy from 'express-http-proxy';
import { fastify } from 'fastify';
import { createProxyMiddleware } from 'http-proxy-middleware';
import * as undici from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

const spans = createSpanCollector();
beforeAll(() => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
});
afterEach(() => spans.assertClean());
afterAll(() => {
  trace.disable();
  context.disable();
  propagation.disable();
});

const require = createRequire(import.meta.url);
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const CALLER = { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01`, tracestate: 'caller=1' };

/** A server that proxies `/api` to `target`, set up as the page on proxies says. */
type Proxy = (target: string) => Promise<Server>;

const agents = {
  'http:': traceAgent(new Agent({ keepAlive: true })),
  'https:': traceAgent(new HttpsAgent()),
};

function inExpress(name: string, middleware: (target: string) => express.RequestHandler): Proxy {
  return async (target) => {
    const app = (require(name) as typeof express)();
    app.use(traceContext());
    app.use('/api', middleware(target));
    return createServer(app);
  };
}

const hpm = (target: string) =>
  createProxyMiddleware({ target, agent: agents['http:'] }) as express.RequestHandler;
const ehp = (target: string) =>
  proxy(target, { proxyReqOptDecorator: (options) => ({ ...options, agent: agents['http:'] }) });

function inFastify(register: (app: ReturnType<typeof fastify>, target: string) => unknown): Proxy {
  return async (target) => {
    const app = fastify();
    await app.register(tracePlugin);
    await register(app, target);
    await app.ready();
    return app.server;
  };
}

const dispatcher = () => new undici.Agent().compose(traceInterceptor());

const PROXIES: readonly (readonly [name: string, proxy: Proxy])[] = [
  ['http-proxy-middleware in express', inExpress('express', hpm)],
  ['http-proxy-middleware in express4', inExpress('express4', hpm)],
  ['express-http-proxy in express', inExpress('express', ehp)],
  ['express-http-proxy in express4', inExpress('express4', ehp)],
  [
    '@fastify/http-proxy with a dispatcher',
    inFastify((app, upstream) =>
      app.register(fastifyProxy, { upstream, prefix: '/api', undici: dispatcher() as never }),
    ),
  ],
  [
    '@fastify/http-proxy with agents',
    inFastify((app, upstream) => app.register(fastifyProxy, { upstream, prefix: '/api', http: { agents } })),
  ],
  [
    '@fastify/reply-from with a dispatcher',
    inFastify(async (app, base) => {
      await app.register(replyFrom, { base, undici: dispatcher() as never });
      app.all('/api/*', (_request: unknown, reply: { from(path: string): unknown }) => reply.from('/x'));
    }),
  ],
  [
    '@fastify/reply-from with agents',
    inFastify(async (app, base) => {
      await app.register(replyFrom, { base, http: { agents } });
      app.all('/api/*', (_request: unknown, reply: { from(path: string): unknown }) => reply.from('/x'));
    }),
  ],
  [
    'node:http',
    async (target) =>
      createServer(
        traceListener((req, res) => {
          const { method, headers } = req;
          const upstream = request(`${target}/x`, { method, headers, agent: agents['http:'] }, (answer) => {
            res.writeHead(answer.statusCode ?? 502, answer.headers);
            pipeline(answer, res, () => {});
          });
          upstream.on('error', () => res.writeHead(502).end());
          pipeline(req, upstream, () => {});
        }),
      ),
  ],
];

async function listening(server: Server): Promise<number> {
  if (!server.listening) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  return (server.address() as AddressInfo).port;
}

function close(server: Server): void {
  server.closeAllConnections();
  server.close();
}

describe.each(PROXIES)('%s', (_name, start) => {
  test('one SERVER and one CLIENT span in the caller’s trace, and the request as it was', async () => {
    const seen: { headers: IncomingMessage['headers']; body: string; method: string | undefined }[] = [];
    const upstream = createServer(async (req, res) => {
      seen.push({ headers: req.headers, body: await text(req), method: req.method });
      res.writeHead(201, { 'x-from': 'upstream' }).end('answered');
    });
    const upstreamPort = await listening(upstream);
    const server = await start(`http://127.0.0.1:${upstreamPort}`);
    const port = await listening(server);
    try {
      // The second one goes over a connection that the first has opened.
      for (let turn = 0; turn < 2; turn++) {
        const response = await fetch(`http://127.0.0.1:${port}/api/x`, {
          method: 'POST',
          body: 'asked',
          headers: { ...CALLER, 'content-type': 'text/plain' },
        });
        expect([response.status, response.headers.get('x-from'), await response.text()]).toEqual([
          201,
          'upstream',
          'answered',
        ]);
        const client = await spans.take(({ kind }) => kind === SpanKind.CLIENT);
        const served = await spans.take(({ kind }) => kind === SpanKind.SERVER);
        expect(served.parentSpanContext?.spanId).toBe('b7ad6b7169203331');
        expect(client.parentSpanContext?.spanId).toBe(served.spanContext().spanId);
        expect(client.attributes).toMatchObject({
          'http.response.status_code': 201,
          'server.address': '127.0.0.1',
          'server.port': upstreamPort,
        });
        const [at] = seen.splice(0);
        expect([at?.method, at?.body]).toEqual(['POST', 'asked']);
        expect(at?.headers.traceparent).toBe(`00-${TRACE_ID}-${client.spanContext().spanId}-01`);
        expect(at?.headers.tracestate).toBe('caller=1');
      }
    } finally {
      close(server);
      close(upstream);
    }
  });

  test('an upstream that cannot be reached is an error of the CLIENT span', async () => {
    const gone = createServer();
    const gonePort = await listening(gone);
    close(gone);
    const server = await start(`http://127.0.0.1:${gonePort}`);
    const port = await listening(server);
    try {
      const response = await fetch(`http://127.0.0.1:${port}/api/x`, { headers: CALLER });
      await response.text();
      expect(response.status).toBeGreaterThanOrEqual(500);
      const client = await spans.take(({ kind }) => kind === SpanKind.CLIENT);
      expect(client.attributes['error.type']).toBe('ECONNREFUSED');
      await spans.take(({ kind }) => kind === SpanKind.SERVER);
    } finally {
      close(server);
    }
  });
});
