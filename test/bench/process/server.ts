// One server in a process of its own: `server.ts <framework> <variant file>`. Driven by messages from the parent.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { exported } from './exported.ts';
import { cpuProfile, heapProfile } from './profilers.ts';
import { type Framework, ROUTE, type Variant } from './variant.ts';

// Required, not imported: module hooks of the peers see every framework that way, without loader hooks.
const require = createRequire(import.meta.url);
const [framework, file] = process.argv.slice(2) as [Framework, string];
const variant = ((await import(`../variants/${file}`)) as { default: Variant }).default;
const origin = process.env.BENCH_ORIGIN ?? '';
await variant.start?.(framework);

let served = 0;
const held: ServerResponse[] = [];
const bodies = new Map<number, Buffer>();

/** What the route answers on every framework. */
function item(id: string): { id: string; name: string } {
  served++;
  return { id, name: 'a thing' };
}

async function callOut(): Promise<{ status: number }> {
  const response = await (variant.call ?? fetch)(origin);
  await response.arrayBuffer();
  return { status: response.status };
}

/** The plain listener serves the scaling part as well. */
function listener(req: IncomingMessage, res: ServerResponse): void {
  const [, kind, argument = ''] = (req.url ?? '').split('?', 1)[0]?.split('/') ?? [];
  if (kind === 'items') sendJson(res, item(argument));
  else if (kind === 'call') callOut().then((body) => sendJson(res, body));
  else if (kind === 'hold') held.push(res);
  else if (kind === 'bytes') {
    served++;
    const size = Number(argument);
    const body = bodies.get(size) ?? Buffer.alloc(size, 'x');
    bodies.set(size, body);
    res.writeHead(200, { 'content-length': size });
    res.end(body);
  } else {
    res.writeHead(404, { 'content-length': 0 });
    res.end();
  }
}

function sendJson(res: ServerResponse, body: object): void {
  const text = JSON.stringify(body);
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  res.end(text);
}

const start: { [name in Framework]: () => Promise<Server> } = {
  async http() {
    const { createServer } = require('node:http') as typeof import('node:http');
    return createServer(variant.listener?.(listener) ?? listener);
  },
  async express() {
    const express = require('express') as typeof import('express');
    const { createServer } = require('node:http') as typeof import('node:http');
    const app = express();
    variant.express?.(app);
    app.get(ROUTE, (req, res) => void res.json(item(String(req.params.id))));
    app.get('/call', async (_req, res) => void res.json(await callOut()));
    variant.expressLast?.(app);
    return createServer(app);
  },
  async koa() {
    const Koa = require('koa') as typeof import('koa');
    const { Router } = require('@koa/router') as typeof import('@koa/router');
    const app = new Koa();
    variant.koa?.(app);
    const router = new Router();
    router.get(ROUTE, (ctx) => {
      ctx.body = item(String(ctx.params.id));
    });
    router.get('/call', async (ctx) => {
      ctx.body = await callOut();
    });
    app.use(router.routes());
    const { createServer } = require('node:http') as typeof import('node:http');
    return createServer(app.callback());
  },
  async fastify() {
    const { fastify } = require('fastify') as typeof import('fastify');
    const app = fastify();
    await variant.fastify?.(app);
    app.get(ROUTE, (request, reply) => {
      reply.send(item((request.params as { id: string }).id));
    });
    app.get('/call', async () => callOut());
    await app.ready();
    return app.server;
  },
};

const commands: { [name: string]: (argument: unknown) => unknown } = {
  sampled: (sampled) => variant.setSampled?.(sampled as boolean),
  usage() {
    const { userCPUTime, systemCPUTime } = process.resourceUsage();
    return { cpu: userCPUTime + systemCPUTime, count: served, exported: exported.count };
  },
  async spans() {
    await exported.flush();
    await new Promise((resolve) => setTimeout(resolve, 20));
    return { count: exported.count, spans: exported.spans.splice(0) };
  },
  heap() {
    for (let run = 0; run < 4; run++) globalThis.gc?.();
    return { used: process.memoryUsage().heapUsed, held: held.length };
  },
  cpuProfile: (ms) => cpuProfile(ms as number, () => served),
  heapProfile: (ms) => heapProfile(ms as number, () => served),
  release() {
    for (const res of held.splice(0)) sendJson(res, { id: 'held' });
  },
};

process.on(
  'message',
  async ({ id, command, argument }: { id: number; command: string; argument: unknown }) => {
    process.send?.({ id, answer: await commands[command]?.(argument) });
  },
);
process.on('disconnect', () => process.exit());

const server = await start[framework]();
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', 4096, () => process.send?.({ ready: (server.address() as AddressInfo).port }));
