import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { Router } from 'express';
import { type Framework, ROUTE, type Variant } from './variant.ts';

// Required, not imported: module hooks of the peers see every framework that way, without loader hooks.
const require = createRequire(import.meta.url);
const origin = process.env.BENCH_ORIGIN ?? '';

/** What the servers of this process have done. */
export const work: { served: number; readonly held: ServerResponse[] } = { served: 0, held: [] };
const bodies = new Map<number, Buffer>();

/** Returns a server of the framework with the measured route, traced by the variant, which has been started. */
export function createMeasured(framework: Framework, variant: Variant): Promise<Server> {
  return CREATE[framework](variant);
}

export function sendJson(res: ServerResponse, body: object): void {
  const text = JSON.stringify(body);
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  res.end(text);
}

/** What the route answers on every framework. */
function item(id: string): { id: string; name: string } {
  work.served++;
  return { id, name: 'a thing' };
}

async function callOut(variant: Variant): Promise<{ status: number }> {
  const response = await (variant.call ?? fetch)(origin);
  await response.arrayBuffer();
  return { status: response.status };
}

const CREATE: { [name in Framework]: (variant: Variant) => Promise<Server> } = {
  async http(variant) {
    const { createServer } = require('node:http') as typeof import('node:http');
    const listener = plainListener(variant);
    return createServer(variant.listener?.(listener) ?? listener);
  },
  async express(variant) {
    const express = require('express') as typeof import('express');
    const { createServer } = require('node:http') as typeof import('node:http');
    const app = express();
    variant.express?.(app);
    let innermost: Router = app;
    for (let n = Number(process.env.BENCH_ROUTERS ?? 0); n > 0; n--) {
      const router = express.Router();
      innermost.use('/in', router);
      innermost = router;
    }
    innermost.get(ROUTE, (req, res) => void res.json(item(String(req.params.id))));
    app.get('/call', async (_req, res) => void res.json(await callOut(variant)));
    variant.expressLast?.(app);
    return createServer(app);
  },
  async koa(variant) {
    const Koa = require('koa') as typeof import('koa');
    const { Router } = require('@koa/router') as typeof import('@koa/router');
    const app = new Koa();
    variant.koa?.(app);
    const router = new Router();
    router.get(ROUTE, (ctx) => {
      ctx.body = item(String(ctx.params.id));
    });
    router.get('/call', async (ctx) => {
      ctx.body = await callOut(variant);
    });
    app.use(router.routes());
    const { createServer } = require('node:http') as typeof import('node:http');
    return createServer(app.callback());
  },
  async fastify(variant) {
    const { fastify } = require('fastify') as typeof import('fastify');
    const app = fastify();
    await variant.fastify?.(app);
    app.get(ROUTE, (request, reply) => {
      reply.send(item((request.params as { id: string }).id));
    });
    app.get('/call', async () => callOut(variant));
    await app.ready();
    return app.server;
  },
};

/** It serves the scaling part as well. */
function plainListener(variant: Variant) {
  return function listener(req: IncomingMessage, res: ServerResponse): void {
    const [, kind, argument = ''] = (req.url ?? '').split('?', 1)[0]?.split('/') ?? [];
    if (kind === 'items') sendJson(res, item(argument));
    else if (kind === 'call') callOut(variant).then((body) => sendJson(res, body));
    else if (kind === 'hold') work.held.push(res);
    else if (kind === 'bytes') {
      work.served++;
      const size = Number(argument);
      const body = bodies.get(size) ?? Buffer.alloc(size, 'x');
      bodies.set(size, body);
      res.writeHead(200, { 'content-length': size });
      res.end(body);
    } else {
      res.writeHead(404, { 'content-length': 0 });
      res.end();
    }
  };
}
