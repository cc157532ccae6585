import { once } from 'node:events';
import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import net, { type AddressInfo } from 'node:net';
import { context, metrics, propagation, SpanKind, trace } from '@opentelemetry/api';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import { traceContext as traceExpress } from '@throughline/express';
import { tracePlugin } from '@throughline/fastify';
import { createTracedFetch, tracedFetch, traceHeaders, traceInterceptor } from '@throughline/fetch';
import { traceListener } from '@throughline/http';
import { traceContext as traceKoa } from '@throughline/koa';
import { assertParent, createSpanCollector, describeTrace } from '@throughline/testing';
import type { Express } from 'express';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sdk3 } from './sdk3.ts';

// OpenTelemetry's own instrumentations patch what is required after they are enabled, so nothing here imports http.
const require = createRequire(import.meta.url);
const spans = createSpanCollector();
const tracerProvider = sdk3.createTracerProvider({ spanProcessors: [spans] });
const instrumentations = [new HttpInstrumentation(), new UndiciInstrumentation()];
const unload = registerInstrumentations({ instrumentations, tracerProvider });

const http = require('node:http') as typeof import('node:http');
const undici = require('undici') as typeof import('undici');

const REMOTE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

beforeAll(() => {
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
  trace.setGlobalTracerProvider(tracerProvider);
});

afterAll(() => {
  unload();
  for (const api of [context, propagation, trace, metrics]) api.disable();
});

afterEach(() => spans.assertClean());

/** A request that no instrumentation sees: bytes on a socket. */
async function get(server: Server, path: string): Promise<string> {
  if (!server.listening) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.write(`GET ${path} HTTP/1.1\r\nhost: a.test\r\ntraceparent: ${REMOTE}\r\nconnection: close\r\n\r\n`);
  await once(socket, 'close');
  const closed = once(server, 'close');
  server.close();
  await closed;
  return text;
}

describe('with @opentelemetry/instrumentation-http active', () => {
  const servers: Record<string, () => Server | Promise<Server>> = {
    express() {
      const app: Express = (require('express') as () => Express)();
      app.use(traceExpress());
      app.get('/items/:id', (_req, res) => void res.send('ok'));
      return http.createServer(app);
    },
    async fastify() {
      const app = (require('fastify') as typeof import('fastify')).fastify();
      app.register(tracePlugin);
      app.get('/items/:id', async () => 'ok');
      await app.ready();
      return app.server;
    },
    koa() {
      const Koa = require('koa') as typeof import('koa');
      const Router = (require('@koa/router') as { default: typeof import('@koa/router').default }).default;
      const router = new Router().get('/items/:id', (ctx) => {
        ctx.body = 'ok';
      });
      const app = new Koa().use(traceKoa()).use(router.routes());
      return http.createServer(app.callback());
    },
  };

  for (const [name, serve] of Object.entries(servers)) {
    it(`${name}: there is one SERVER span, and it has the route`, async () => {
      expect(await get(await serve(), '/items/1')).toMatch(/^HTTP\/1\.1 200/);
      const span = await spans.take(({ kind }) => kind === SpanKind.SERVER);
      expect(span.instrumentationScope.name).toBe('@opentelemetry/instrumentation-http');
      expect(span.parentSpanContext?.spanId).toBe('b7ad6b7169203331');
      expect(span.attributes['http.route']).toBe('/items/:id');
      expect(span.name).toBe('GET /items/:id');
    });
  }

  it('node:http: there is one SERVER span, and the listener runs in it', async () => {
    let active: string | undefined;
    const server = http.createServer(
      traceListener((_req, res) => {
        active = trace.getActiveSpan()?.spanContext().spanId;
        res.end('ok');
      }),
    );
    expect(await get(server, '/')).toMatch(/^HTTP\/1\.1 200/);
    const span = await spans.take(({ kind }) => kind === SpanKind.SERVER);
    expect(active).toBe(span.spanContext().spanId);
  });

  it('a call by node:http with traceHeaders() carries one traceparent', async () => {
    await withOrigin(async (url, received) => {
      const status = await new Promise((resolve, reject) => {
        http
          .request(url, { headers: traceHeaders(url), agent: false }, (res) => {
            res.resume().on('end', () => resolve(res.statusCode));
          })
          .on('error', reject)
          .end();
      });
      expect(status).toBe(200);
      const client = await spans.take(({ kind }) => kind === SpanKind.CLIENT);
      expect(received).toEqual([[`00-${client.spanContext().traceId}-${client.spanContext().spanId}-01`]]);
    });
  });
});

describe('with @opentelemetry/instrumentation-undici active', () => {
  const clients: Record<string, (url: string) => Promise<number>> = {
    async tracedFetch(url) {
      const response = await tracedFetch(url);
      await response.text();
      return response.status;
    },
    async 'createTracedFetch over the fetch of undici'(url) {
      const response = await createTracedFetch({ fetch: undici.fetch as unknown as typeof fetch })(url);
      await response.text();
      return response.status;
    },
    async traceInterceptor(url) {
      const dispatcher = new undici.Agent().compose(traceInterceptor());
      const { statusCode, body } = await undici.request(url, { dispatcher });
      await body.text();
      await dispatcher.close();
      return statusCode;
    },
  };

  for (const [name, call] of Object.entries(clients)) {
    it(`${name}: there is one CLIENT span and one traceparent, which names it`, async () => {
      await withOrigin(async (url, received) => {
        const caller = trace.getTracer('application').startSpan('caller');
        expect(await context.with(trace.setSpan(context.active(), caller), () => call(url))).toBe(200);
        caller.end();
        await spans.take((span) => span.name === 'caller');
        const client = await spans.take(({ kind }) => kind === SpanKind.CLIENT);
        expect(client.instrumentationScope.name, describeTrace([client])).toMatch(/^@throughline\//);
        assertParent(client, caller.spanContext());
        expect(received).toEqual([[`00-${client.spanContext().traceId}-${client.spanContext().spanId}-01`]]);
      });
    });
  }

  it('tracedFetch: each hop of a redirect has one span and one traceparent', async () => {
    await withOrigin(async (url, received) => {
      const response = await tracedFetch(`${url}redirect`);
      expect(await response.text()).toBe('ok');
      const [first, second] = await spans.takeMany(2, ({ kind }) => kind === SpanKind.CLIENT);
      expect(received).toEqual(
        [first, second].map((span) => [`00-${span?.spanContext().traceId}-${span?.spanContext().spanId}-01`]),
      );
    });
  });
});

/** An origin that no instrumentation sees; it notes the traceparent lines of each request. */
async function withOrigin(body: (url: string, received: string[][]) => Promise<void>): Promise<void> {
  const received: string[][] = [];
  const server = net.createServer((socket) => {
    let head = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      head += chunk;
      if (!head.includes('\r\n\r\n')) return;
      received.push([...head.matchAll(/^traceparent: *(.*?)\r$/gim)].map(([, value]) => value ?? ''));
      socket.end(
        head.startsWith('GET /redirect')
          ? 'HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'
          : 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok',
      );
    });
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, received);
  } finally {
    server.close();
  }
}
