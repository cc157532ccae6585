import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { traceContext as traceExpress } from '@throughline/express';
import { tracePlugin } from '@throughline/fastify';
import { traceListener } from '@throughline/http';
import { traceContext as traceKoa } from '@throughline/koa';
import { createSpanCollector } from '@throughline/testing';
import express from 'express';
import { fastify } from 'fastify';
import Koa from 'koa';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { sdk3 } from './sdk3.ts';

const spans = createSpanCollector();
beforeAll(() => {
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
  trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [spans] }));
});
afterEach(() => spans.assertClean());
afterAll(() => {
  for (const api of [context, propagation, trace]) api.disable();
});

/** Takes a property away until what it returns is called: frameworks read them, too, before and after the adapter. */
function broken(object: object, name: string): () => void {
  const own = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, {
    configurable: true,
    get() {
      throw new Error(`planted in ${name}`);
    },
  });
  return () => {
    if (own === undefined) Reflect.deleteProperty(object, name);
    else Object.defineProperty(object, name, own);
  };
}

/** Adapters with something of the application before and behind them. */
const SERVERS: Record<string, (name: string) => Server | Promise<Server>> = {
  express(name) {
    const app = express();
    app.set('env', 'test');
    app.set('trust proxy', true);
    const traced = traceExpress({ selfCheck: 'off' });
    // Called from one middleware: between any two of them the router itself reads the URL.
    app.use((req, res, next) => {
      const mend = broken(req, name);
      traced(req, res, () => {
        mend();
        next();
      });
    });
    app.use((_req, res) => void res.send('ok'));
    return createServer(app);
  },
  async fastify(name) {
    const app = fastify({ trustProxy: true });
    let mend = () => {};
    // Hooks that call back run at once: after a turn of the event loop, Node itself may have read the property.
    app.addHook('onRequest', (request, _reply, done) => {
      mend = broken(request.raw, name);
      done();
    });
    await app.register(tracePlugin);
    app.addHook('onRequest', (_request, _reply, done) => {
      mend();
      done();
    });
    app.get('/', async () => 'ok');
    await app.ready();
    return app.server;
  },
  koa(name) {
    const app = new Koa();
    app.proxy = true;
    let mend = () => {};
    app.use((ctx, next) => {
      mend = broken(ctx.req, name);
      return next();
    });
    app.use(traceKoa({ selfCheck: 'off' }));
    app.use((ctx) => {
      mend();
      ctx.body = 'ok';
    });
    return createServer(app.callback());
  },
  'node:http'(name) {
    let mend = () => {};
    const traced = traceListener(
      (_req: IncomingMessage, res) => {
        mend();
        res.end('ok');
      },
      { selfCheck: 'off' },
    );
    return createServer((req, res) => {
      mend = broken(req, name);
      traced(req, res);
    });
  },
};

const NAMES = [
  'headers',
  'originalUrl',
  'url',
  'method',
  'socket',
  'connection',
  'httpVersion',
  'httpVersionMajor',
];
test.each(Object.keys(SERVERS).flatMap((adapter) => NAMES.map((name) => [adapter, name] as const)))(
  '%s answers and ends its span when a getter of %s throws',
  async (adapter, name) => {
    const server = (await SERVERS[adapter]?.(name)) as Server;
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(await response.text()).toBe('ok');
    const span = await spans.take(({ kind }) => kind === SpanKind.SERVER);
    expect(span.attributes['http.response.status_code']).toBe(200);
    server.close();
  },
);
