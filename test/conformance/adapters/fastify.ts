import { tracePlugin } from '@throughline/fastify';
import type { HttpServerEndpoint, HttpServerSetup, ServedHttp } from '@throughline/testing';
import type { FastifyInstance, FastifyPluginCallback, fastify, HTTPMethods } from 'fastify';

/** Serves the kit's endpoints with Fastify; `framework` is the module of either major. */
export function serveFastify(framework: typeof fastify, major: 4 | 5) {
  return async ({ endpoints, traceOptions, mounts, noteError }: HttpServerSetup): Promise<ServedHttp> => {
    const app = framework({ forceCloseConnections: true, exposeHeadRoutes: false });
    for (let mounted = 0; mounted < mounts; mounted += 1) app.register(tracePlugin, traceOptions);
    if (major === 5) app.addHttpMethod('PROPFIND');
    app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
    app.addHook('onError', (_request, _reply, error, done) => {
      noteError(error);
      done();
    });
    for (const endpoint of endpoints) {
      const mount = endpoint.mounts.reduceRight<FastifyPluginCallback>(
        (inner, prefix) => (parent, _options, done) => {
          parent.register(inner, { prefix });
          done();
        },
        (instance, _options, done) => {
          route(instance, endpoint);
          done();
        },
      );
      app.register(mount);
    }
    await app.ready();
    return { server: app.server, close: () => app.close() };
  };
}

function route(app: FastifyInstance, endpoint: HttpServerEndpoint): void {
  const all: HTTPMethods[] = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PROPFIND'];
  app.route({
    method: endpoint.method === 'ALL' ? all : endpoint.method,
    url: endpoint.path,
    // Not an async function: what `handle` throws must reach Fastify as a throw, what it rejects with as a rejection.
    handler(request, reply) {
      if (endpoint.style === 'raw') reply.hijack();
      const params = request.params as Record<string, string>;
      const replied = endpoint.handle({ req: request.raw, res: reply.raw, params, body: request.body });
      const send = (answer: Awaited<typeof replied>) =>
        answer && reply.status(answer.status).headers(answer.headers).send(answer.body);
      if (!(replied instanceof Promise)) return void send(replied);
      return replied.then((answer) => send(answer) ?? reply);
    },
  });
}
