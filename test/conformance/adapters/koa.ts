import { createServer } from 'node:http';
import Router from '@koa/router';
import { traceContext } from '@throughline/koa';
import type { HttpServerEndpoint, HttpServerSetup, ServedHttp } from '@throughline/testing';
import type Koa from 'koa';

/** Serves the kit's endpoints with Koa and `@koa/router`; `Framework` is the class of either major. */
export function serveKoa(Framework: typeof Koa) {
  return ({ endpoints, traceOptions, mounts, noteError }: HttpServerSetup): ServedHttp => {
    const app = new Framework();
    app.silent = true;
    app.use(async (_ctx, next) => {
      try {
        await next();
      } catch (error) {
        noteError(error);
        throw error;
      }
    });
    for (let mounted = 0; mounted < mounts; mounted += 1) app.use(traceContext(traceOptions));
    for (const endpoint of endpoints) {
      let router = new Router();
      route(router, endpoint);
      for (const prefix of [...endpoint.mounts].reverse()) {
        const outer = new Router();
        outer.use(prefix, router.routes());
        router = outer;
      }
      app.use(router.routes());
    }
    return { server: createServer(app.callback()) };
  };
}

function route(router: Router, endpoint: HttpServerEndpoint): void {
  const method = endpoint.method.toLowerCase() as 'get' | 'post' | 'all';
  router[method](pathInKoa(endpoint), async (ctx) => {
    const call = { req: ctx.req, res: ctx.res, params: ctx.params };
    if (endpoint.style === 'raw') {
      ctx.respond = false;
      // Koa presets 404, which would otherwise go out with whatever is written by hand.
      ctx.res.statusCode = 200;
      await endpoint.handle(call);
      return;
    }
    const body = endpoint.method === 'POST' ? JSON.parse(await text(ctx.req)) : undefined;
    const reply = await endpoint.handle({ ...call, body });
    if (!reply) return;
    ctx.set(reply.headers);
    ctx.body = reply.body ?? null;
    ctx.status = reply.status;
  });
}

/** What a body parser for Koa does, in short. */
async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** `@koa/router` wants a name for its wildcards. */
export function pathInKoa({ path }: HttpServerEndpoint): string {
  return path.replace('*', '{*path}');
}
