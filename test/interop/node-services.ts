import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { propagation } from '@opentelemetry/api';
import { withBaggage } from '@throughline/core';
import * as onExpress from '@throughline/express';
import * as onFastify from '@throughline/fastify';
import { tracedFetch, traceListener } from '@throughline/http';
import * as onKoa from '@throughline/koa';
import express from 'express';
import Fastify from 'fastify';
import Koa from 'koa';

/** What a service says of a request: what came in, what it made of it, and what the next service said. */
export interface Relayed {
  readonly received: Readonly<Partial<Record<'traceparent' | 'tracestate' | 'baggage', string>>>;
  readonly baggage: Readonly<Record<string, string>>;
  readonly next?: Relayed;
}

interface Answer {
  readonly status: number;
  readonly body: Relayed;
}

/**
 * The service that every framework serves: calls `to` when there is one, and tells what was received on the way.
 *
 * `?with` holds baggage to add, as JSON. `?fail` answers 500, as does a service whose next one did.
 */
async function relay(url: string, headers: IncomingHttpHeaders): Promise<Answer> {
  const query = new URL(url, 'http://localhost').searchParams;
  const { traceparent, tracestate, baggage } = headers as Relayed['received'];
  const entries = propagation.getActiveBaggage()?.getAllEntries() ?? [];
  const body = {
    received: {
      ...(traceparent && { traceparent }),
      ...(tracestate && { tracestate }),
      ...(baggage && { baggage }),
    },
    baggage: Object.fromEntries(entries.map(([key, { value }]) => [key, value])),
  };
  const to = query.get('to');
  if (to === null) return { status: query.has('fail') ? 500 : 200, body };
  const added = JSON.parse(query.get('with') ?? '{}') as Record<string, string>;
  const answer = await withBaggage(added, () => tracedFetch(to));
  return { status: answer.status, body: { ...body, next: (await answer.json()) as Relayed } };
}

const SERVERS: Readonly<Record<string, () => Promise<Server>>> = {
  async Express() {
    const app = express();
    app.use(onExpress.traceContext());
    app.get('/relay', async (req, res) => {
      const { status, body } = await relay(req.url, req.headers);
      res.status(status).json(body);
    });
    return createServer(app);
  },
  async Fastify() {
    const app = Fastify();
    await app.register(onFastify.tracePlugin);
    app.get('/relay', async (request, reply) => {
      const { status, body } = await relay(request.url, request.headers);
      return reply.code(status).send(body);
    });
    await app.ready();
    return app.server;
  },
  async Koa() {
    const app = new Koa();
    app.use(onKoa.traceContext());
    app.use(async (ctx) => {
      const { status, body } = await relay(ctx.url, ctx.headers);
      ctx.status = status;
      ctx.body = body;
    });
    return createServer(app.callback());
  },
  async 'node:http'() {
    return createServer(
      traceListener(async (req, res) => {
        const { status, body } = await relay(req.url ?? '', req.headers);
        res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      }),
    );
  },
};

export const FRAMEWORKS = Object.keys(SERVERS);

export interface NodeService {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts the relay on one of {@link FRAMEWORKS}, in this process. */
export async function startNodeService(framework: string): Promise<NodeService> {
  const server = await SERVERS[framework]?.();
  if (!server) throw new TypeError(`no such framework: ${framework}`);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
