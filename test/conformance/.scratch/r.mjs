import { once } from 'node:events';
import { createServer } from 'node:http';
import Router from '@koa/router';
import { context, DiagConsoleLogger, diag, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import * as E from '@throughline/express';
import * as F from '@throughline/fastify';
import * as K from '@throughline/koa';
import express5 from 'express';
import express4 from 'express4';
import fastify5 from 'fastify';
import fastify4 from 'fastify4';
import Koa from 'koa';
import Koa2 from 'koa2';

diag.setLogger(new DiagConsoleLogger(), 50);
const proc = {
  onStart() {},
  onEnd(s) {
    console.log(
      '  SPAN',
      s.name,
      s.status.code,
      s.attributes['http.response.status_code'],
      s.attributes['error.type'],
      s.events.map((e) => e.attributes?.['exception.message']).join(),
      s.attributes['client.address'],
    );
  },
  forceFlush: async () => {},
  shutdown: async () => {},
};
trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [proc] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
const paths = [
  '/',
  '/api/v1/items/7',
  '/tenants/42/users/7',
  '/tenants/a%20b/users/7',
  '/tenants/42/boom',
  '/nope',
  '/arr2',
  '/regex-77',
  '/rx9/in',
  '/sub/9/deep/3',
  '/files/a/b/c/info',
  '/next/5',
  '/api/v1',
  '/merge/11/x/12',
  '/tenants/tenants/users/users',
];
for (const [name, express] of [
  ['express5', express5],
  ['express4', express4],
]) {
  console.log(name);
  const app = express();
  app.use(E.traceContext());
  app.get('/', (q, r) => r.send('x'));
  const v1 = express.Router();
  v1.get('/items/:id', (q, r) => r.send('x'));
  v1.get('/', (q, r) => r.send('x'));
  const api = express.Router();
  api.use('/v1', v1);
  app.use('/api', api);
  const t = express.Router();
  t.get('/users/:id', (q, r) => r.send('x'));
  t.get('/boom', () => {
    throw new Error('boom');
  });
  app.use('/tenants/:tid', t);
  app.get(['/arr1', '/arr2'], (q, r) => r.send('x'));
  app.get(/^\/regex-\d+$/, (q, r) => r.send('x'));
  const rx = express.Router();
  rx.get('/in', (q, r) => r.send('x'));
  app.use(/^\/rx\d/, rx);
  const sub = express();
  const deep = express.Router();
  deep.get('/:d', (q, r) => r.send('x'));
  sub.use('/deep', deep);
  app.use('/sub/:s', sub);
  const f = express.Router();
  f.get('/info', (q, r) => r.send('x'));
  if (name === 'express5') app.use('/files/*splat', f);
  app.get('/next/:a', (q, r, n) => n('route'));
  app.get('/next/:b', (q, r) => r.send('x'));
  const mg = express.Router({ mergeParams: true });
  mg.get('/x/:y', (q, r) => r.send(JSON.stringify(q.params)));
  app.use('/merge/:m', mg);
  app.use(E.traceErrors());
  app.use((e, q, r, n) => {
    r.status(500).send('err ' + q.baseUrl);
  });
  const s = app.listen(0);
  await once(s, 'listening');
  for (const p of paths) {
    const r = await fetch(`http://127.0.0.1:${s.address().port}${p}`, { headers: { connection: 'close' } });
    console.log(p, r.status, (await r.text()).slice(0, 20));
    await new Promise((r) => setTimeout(r, 5));
  }
  s.close();
}
for (const [name, K2] of [
  ['koa3', Koa],
  ['koa2', Koa2],
]) {
  console.log(name);
  const app = new K2();
  app.silent = true;
  app.use(K.traceContext());
  const r = new Router({ prefix: '/api' });
  r.get('/items/:id', (c) => {
    c.body = 'x';
  });
  r.get('/boom', () => {
    throw new Error('boom');
  });
  const n = new Router();
  n.get('/u/:id', (c) => {
    c.body = 'y';
  });
  r.use('/t/:tid', n.routes());
  app.use(r.routes()).use(r.allowedMethods());
  const s = app.listen(0);
  await once(s, 'listening');
  for (const p of ['/api/items/7', '/api/t/4/u/5', '/api/boom', '/none']) {
    const r = await fetch(`http://127.0.0.1:${s.address().port}${p}`, { headers: { connection: 'close' } });
    console.log(p, r.status);
    await r.text();
    await new Promise((r) => setTimeout(r, 5));
  }
  s.close();
}
for (const [name, f] of [
  ['fastify5', fastify5],
  ['fastify4', fastify4],
]) {
  console.log(name);
  const app = f();
  app.get('/early/:x', async () => 'e');
  await app.register(F.tracePlugin);
  await app.register(F.tracePlugin);
  app.get('/items/:id', async () => 'x');
  app.get('/boom', async () => {
    throw new Error('boom');
  });
  app.register(
    async (i) => {
      i.get('/u/:id', async (q) => q.exchange.span.spanContext().traceId.length);
    },
    { prefix: '/t/:tid' },
  );
  await app.listen({ port: 0 });
  for (const p of ['/early/3', '/items/7', '/t/4/u/5', '/boom', '/none']) {
    const r = await fetch(`http://localhost:${app.server.address().port}${p}`, {
      headers: { connection: 'close' },
    });
    console.log(p, r.status);
    await r.text();
    await new Promise((r) => setTimeout(r, 5));
  }
  console.log('inject', (await app.inject('/items/3')).statusCode);
  await new Promise((r) => setTimeout(r, 20));
  await app.close();
}
