// A service of one framework with Throughline's middleware, beside the tracer that was started before it.
import http from 'node:http';
import { trace } from '@opentelemetry/api';
import { tracedFetch, traceHeaders, traceInterceptor } from '@throughline/fetch';
import { Agent, request } from 'undici';

const { FRAMEWORK, ORIGIN } = process.env;
const agent = new Agent().compose(traceInterceptor());

/** Every way of ours to make a call; each names itself in the path, so that its headers are found again. */
const calls = {
  tracedFetch: async (url) => (await tracedFetch(url)).text(),
  traceInterceptor: async (url) => (await request(url, { dispatcher: agent })).body.text(),
  'fetch with traceHeaders': async (url) => (await fetch(url, { headers: traceHeaders(url) })).text(),
  'node:http with traceHeaders': (url) =>
    new Promise((resolve, reject) => {
      http
        .get(url, { headers: traceHeaders(url) }, (res) => res.resume().on('end', resolve))
        .on('error', reject);
    }),
};

async function handle() {
  for (const [name, call] of Object.entries(calls)) await call(`${ORIGIN}/${encodeURIComponent(name)}`);
  return 'ok';
}

const serve = {
  async express() {
    const { default: express } = await import('express');
    const { traceContext } = await import('@throughline/express');
    const app = express();
    app.use(traceContext());
    app.get('/items/:id', async (_req, res) => res.send(await handle()));
    return http.createServer(app);
  },
  async fastify() {
    const { default: fastify } = await import('fastify');
    const { tracePlugin } = await import('@throughline/fastify');
    const app = fastify();
    await globalThis.coexistence?.fastify?.(app);
    await app.register(tracePlugin);
    app.get('/items/:id', handle);
    await app.ready();
    return app.server;
  },
  async koa() {
    const { default: Koa } = await import('koa');
    const { traceContext } = await import('@throughline/koa');
    const app = new Koa();
    app.use(traceContext());
    app.use(async (ctx) => {
      ctx.body = await handle();
    });
    return http.createServer(app.callback());
  },
  async 'node:http'() {
    const { traceListener } = await import('@throughline/http');
    return http.createServer(traceListener(async (_req, res) => res.end(await handle())));
  },
};

const { tracingStatus } = await import(`@throughline/${FRAMEWORK === 'node:http' ? 'http' : FRAMEWORK}`);
const server = await serve[FRAMEWORK]();
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('message', async () => {
  const { coexistence } = globalThis;
  const spans = (await coexistence?.spans()) ?? [];
  // An SDK that sends its spans by itself is hurried.
  if (coexistence === undefined) await trace.getTracerProvider().getDelegate?.().forceFlush?.();
  process.send({ spans, codes: tracingStatus().map(({ code }) => code) });
});
