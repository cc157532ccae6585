import { createServer, type RequestListener, type Server } from 'node:http';
import {
  createServer as createHttp2Server,
  createSecureServer,
  type Http2SecureServer,
  type Http2Server,
} from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import { pipeline, type Readable } from 'node:stream';
import { traceListener } from '@throughline/http';
import type { HttpServerEndpoint, HttpServerSetup, ServedHttp } from '@throughline/testing';

type Call = Parameters<HttpServerEndpoint['handle']>[0];

/** Serves the kit's endpoints with a plain listener, on whatever server `listen` makes of it. */
export function serveNode(listen: (listener: RequestListener) => Server | Http2Server | Http2SecureServer) {
  return ({ endpoints, traceOptions, mounts, noteError }: HttpServerSetup): ServedHttp => {
    let listener: RequestListener = serve;
    for (let mounted = 0; mounted < mounts; mounted += 1) listener = traceListener(listener, traceOptions);
    return { server: listen(listener) };

    async function serve(req: Call['req'], res: Call['res']): Promise<void> {
      const path = String(req.url)
        .replace(/^https?:\/\/[^/?]*/, '')
        .split('?')[0];
      for (const endpoint of endpoints) {
        const found = patternOf(endpoint).exec(String(path));
        if (!found || !(endpoint.method === 'ALL' || endpoint.method === req.method)) continue;
        try {
          await answer(endpoint, { req, res, params: { ...found.groups } });
        } catch (error) {
          fail(res, error);
        }
        return;
      }
      res.statusCode = 404;
      res.end('not found');
    }

    function fail(res: Call['res'], error: unknown): void {
      noteError(error);
      if (res.headersSent) return void res.destroy();
      res.statusCode = (error as { status?: number }).status ?? 500;
      res.end('failed');
    }
  };
}

export const overHttp = (listener: RequestListener): Server => createServer(listener);

export const overHttps =
  (key: string, cert: string) =>
  (listener: RequestListener): Server =>
    createTlsServer({ key, cert }, listener);

export const overHttp2 = (listener: RequestListener): Http2Server => createHttp2Server(listener as never);

export const overHttp2Tls =
  (key: string, cert: string) =>
  (listener: RequestListener): Http2SecureServer =>
    createSecureServer({ key, cert }, listener as never);

async function answer(endpoint: HttpServerEndpoint, call: Call): Promise<void> {
  if (endpoint.style === 'raw') {
    await endpoint.handle(call);
    return;
  }
  let body = '';
  if (endpoint.method === 'POST') for await (const chunk of call.req) body += chunk;
  const reply = await endpoint.handle({ ...call, body: body && JSON.parse(body) });
  if (!reply) return;
  const { res } = call;
  res.statusCode = reply.status;
  for (const [name, value] of Object.entries(reply.headers)) res.setHeader(name, value);
  if (reply.body === undefined || typeof reply.body === 'string') res.end(reply.body ?? '');
  else pipeline(reply.body as Readable, res as NodeJS.WritableStream, () => {});
}

function patternOf({ mounts, path }: HttpServerEndpoint): RegExp {
  const pattern = `${mounts.join('')}${path}`.replace(/:(\w+)/g, '(?<$1>[^/]+)').replace('*', '.*');
  return new RegExp(`^${pattern}$`);
}
