import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { tracedFetch } from '@throughline/fetch';
import { startTracing } from './tracing.ts';

/** What the suite posts: call each `url` with its `arguments`. */
type Instructions = { url: string; arguments: unknown }[];

/** Does what the suite asks, call by call, in the context of the request. */
async function follow(instructions: Instructions): Promise<void> {
  for (const { url, arguments: body } of instructions) {
    const response = await tracedFetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    await response.arrayBuffer();
  }
}

const readBody = (req: IncomingMessage) => json(req) as Promise<Instructions>;

const SERVICES = {
  async express() {
    const { default: express } = await import('express');
    const { traceContext } = await import('@throughline/express');
    const app = express().use(traceContext(), express.json());
    app.post('/test', (req, res, next) => {
      follow(req.body as Instructions).then(() => res.json({}), next);
    });
    return createServer(app);
  },
  async fastify() {
    const { fastify } = await import('fastify');
    const { tracePlugin } = await import('@throughline/fastify');
    const app = fastify();
    await app.register(tracePlugin);
    app.post('/test', async (request) => {
      await follow(request.body as Instructions);
      return {};
    });
    await app.ready();
    return app.server;
  },
  async koa() {
    const { default: Koa } = await import('koa');
    const { traceContext } = await import('@throughline/koa');
    const app = new Koa().use(traceContext()).use(async (ctx) => {
      await follow(await readBody(ctx.req));
      ctx.body = {};
    });
    return createServer(app.callback());
  },
  async http() {
    const { traceListener } = await import('@throughline/http');
    return createServer(
      traceListener(async (req: IncomingMessage, res) => {
        await follow(await readBody(req));
        res.end('{}');
      }),
    );
  },
};

const [name = '', port = '5000'] = process.argv.slice(2);
if (!Object.hasOwn(SERVICES, name)) {
  console.error(`usage: service.ts <${Object.keys(SERVICES).join('|')}> [port]`);
  process.exit(2);
}
await startTracing();
const server = await SERVICES[name as keyof typeof SERVICES]();
server.listen(Number(port), '127.0.0.1', () => {
  // Port 0 is a free one; whoever started us reads it from this line.
  console.log(`${name} listens on http://127.0.0.1:${(server.address() as AddressInfo).port}/test`);
});
