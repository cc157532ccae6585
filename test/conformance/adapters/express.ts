import { createServer } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import { traceContext, traceErrors } from '@throughline/express';
import type { HttpServerEndpoint, HttpServerSetup, ServedHttp } from '@throughline/testing';
import type express from 'express';

/** Serves the kit's endpoints with Express; `framework` is the module of either major. */
export function serveExpress(framework: typeof express, major: 4 | 5) {
  return ({ endpoints, traceOptions, mounts, noteError }: HttpServerSetup): ServedHttp => {
    const app = framework();
    for (let mounted = 0; mounted < mounts; mounted += 1) app.use(traceContext(traceOptions));
    app.use(framework.json());
    const routers = new Map<string, express.Router>();
    for (const endpoint of endpoints) {
      const method = endpoint.method.toLowerCase() as 'get' | 'post' | 'all';
      routerAt(endpoint.mounts)[method](pathIn(endpoint, major), (req, res, next) => {
        const send = (reply: Awaited<ReturnType<HttpServerEndpoint['handle']>>): void => {
          if (!reply) return;
          res.status(reply.status).set(reply.headers);
          if (reply.body === undefined || typeof reply.body === 'string') res.send(reply.body);
          else pipeline(reply.body as Readable, res, () => {});
        };
        const params = req.params as Record<string, string>;
        const replied = endpoint.handle({ req, res, params, body: req.body });
        if (!(replied instanceof Promise)) return send(replied);
        // Express 5 looks after promises itself; Express 4 has to be told.
        return major === 5 ? replied.then(send) : void replied.then(send).catch(next);
      });
    }
    if (mounts > 0) app.use(traceErrors());
    app.use(((error, _req, _res, next) => {
      noteError(error);
      next(error);
    }) as express.ErrorRequestHandler);
    // Express writes what it answers with 500 to the console unless it knows that it is being tested.
    app.set('env', 'test');
    return { server: createServer(app) };

    function routerAt(prefixes: readonly string[]): express.Router {
      if (prefixes.length === 0) return app as unknown as express.Router;
      const key = prefixes.join('');
      const known = routers.get(key);
      if (known) return known;
      const router = framework.Router({ mergeParams: true });
      routerAt(prefixes.slice(0, -1)).use(prefixes.at(-1) ?? '', router);
      routers.set(key, router);
      return router;
    }
  };
}

/** Express 5 wants a name for its wildcards. */
export function pathIn({ path }: HttpServerEndpoint, major: 4 | 5): string {
  return major === 5 ? path.replace('*', '*path') : path;
}
