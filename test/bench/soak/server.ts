// Serves one adapter under the soak and says what is left behind. Run by soak.ts, which asks by messages.
import type { EventEmitter } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createRequire } from 'node:module';
import type { AddressInfo, Socket } from 'node:net';
import { context, type Meter, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { traceContext as traceExpress } from '@throughline/express';
import { tracePlugin } from '@throughline/fastify';
import { traceListener } from '@throughline/http';
import { traceContext as traceKoa } from '@throughline/koa';
import { createPropagator } from '@throughline/propagators';
import express from 'express';
import { fastify } from 'fastify';
import Koa from 'koa';
import type { Adapter, Left } from './soak.ts';

let started = 0;
let ended = 0;
let active = 0;
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(createPropagator());
trace.setGlobalTracerProvider(
  new TracerProvider({
    spanProcessors: [
      {
        onStart: () => void started++,
        onEnd: () => void ended++,
        forceFlush: async () => {},
        shutdown: async () => {},
      },
    ],
  }),
);
const nothing = { record() {}, add() {} };
const meter = {
  createHistogram: () => nothing,
  createCounter: () => nothing,
  createUpDownCounter: () => ({
    add(change: number) {
      active += change;
    },
  }),
} as unknown as Meter;
const options = { activeRequests: true, meterProvider: { getMeter: () => meter }, selfCheck: 'off' } as const;

/** Long enough for a client to leave meanwhile. */
const slow = () => new Promise((done) => setTimeout(done, 5));

const SERVERS: Record<Adapter, () => Server | Promise<Server>> = {
  http: () => createServer(traceListener(plain, options)),
  http2: () => createHttp2Server(traceListener(plain as never, options) as never) as unknown as Server,
  express() {
    const app = express();
    app.use(traceExpress(options));
    app.use(express.json());
    app.get('/items/:id', async (req, res) => {
      if (req.query.slow !== undefined) await slow();
      res.json({ id: req.params.id });
    });
    app.post('/items', (req, res) => void res.json(req.body));
    app.use(((_error, _req, res, _next) => void res.status(400).end()) as express.ErrorRequestHandler);
    return createServer(app);
  },
  async fastify() {
    const app = fastify();
    await app.register(tracePlugin, options);
    app.get<{ Params: { id: string }; Querystring: { slow?: string } }>('/items/:id', async (request) => {
      if (request.query.slow !== undefined) await slow();
      return { id: request.params.id };
    });
    app.post('/items', async (request) => request.body);
    await app.ready();
    return app.server;
  },
  koa() {
    const app = new Koa();
    app.silent = true;
    app.use(traceKoa(options));
    app.use(async (ctx) => {
      if (ctx.query.slow !== undefined) await slow();
      ctx.body = ctx.method === 'POST' ? await text(ctx.req) : { path: ctx.path };
    });
    return createServer(app.callback());
  },
};

async function plain(req: IncomingMessage, res: ServerResponse): Promise<void> {
  try {
    if (req.url?.includes('slow')) await slow();
    res.end(req.method === 'POST' ? await text(req) : '{}');
  } catch {
    res.statusCode = 400;
    res.end();
  }
}

async function text(req: AsyncIterable<Buffer>): Promise<string> {
  let all = '';
  for await (const chunk of req) all += chunk;
  return all;
}

const sockets = new Set<Socket>();
const count = (emitter: EventEmitter) =>
  emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);

function left(): Left {
  const gc = globalThis.gc ?? createRequire(import.meta.url)('node:vm').runInNewContext('gc');
  for (let turn = 0; turn < 3; turn += 1) gc();
  return {
    heap: process.memoryUsage().heapUsed,
    started,
    ended,
    active,
    sockets: sockets.size,
    listeners: [...sockets].map(count),
  };
}

process.on('warning', ({ name, message }) => process.send?.({ warning: `${name}: ${message}` }));
process.on('message', () => process.send?.({ left: left() }));
const [adapter] = process.argv.slice(2) as [Adapter];
const server = await SERVERS[adapter]();
server.on('connection', (socket: Socket) => {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
