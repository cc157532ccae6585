import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { createAdaptorServer } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { HttpServerEndpoint, HttpServerSetup, ServedHttp } from '@throughline/testing';
import { traceFetchHandler } from '@throughline/web';
import { traceContext } from '@throughline/web/hono';
import { Hono } from 'hono';

/** What `@hono/node-server` passes beside the request. */
interface NodeEnvironment {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

type Fetch = (request: Request, environment: NodeEnvironment) => Response | Promise<Response>;

/** Answers with an endpoint; one that answers on Node's response is left to it. */
export type AnswerEndpoint<Environment> = (
  endpoint: HttpServerEndpoint,
  arrived: {
    readonly request: Request;
    readonly environment: Environment;
    readonly params: Readonly<Record<string, string | undefined>>;
  },
) => Promise<Response>;

/** Serves the kit's endpoints with a plain handler of the Fetch API. */
export function plainHandler<Environment>(
  { endpoints, traceOptions, mounts, noteError }: HttpServerSetup,
  answer: AnswerEndpoint<Environment>,
): (request: Request, environment: Environment) => Promise<Response> {
  let traced = async (request: Request, environment: Environment): Promise<Response> => {
    const { pathname } = new URL(request.url);
    for (const endpoint of endpoints) {
      const found = patternOf(endpoint).exec(pathname);
      const { method } = endpoint;
      if (found && (method === 'ALL' || method === request.method))
        return answer(endpoint, { request, environment, params: { ...found.groups } });
    }
    return new Response('not found', { status: 404 });
  };
  for (let mounted = 0; mounted < mounts; mounted += 1)
    traced = traceFetchHandler(traced, traceOptions) as typeof traced;
  return async (request, environment) => {
    try {
      return await traced(request, environment);
    } catch (error) {
      noteError(error);
      return failure(error);
    }
  };
}

/** Serves the kit's endpoints with Hono, nested routers as sub-applications. */
export function honoApplication<Environment>(
  { endpoints, traceOptions, mounts, noteError }: HttpServerSetup,
  answer: AnswerEndpoint<Environment>,
): (request: Request, environment: Environment) => Response | Promise<Response> {
  const app = new Hono();
  app.onError((error) => {
    noteError(error);
    return failure(error);
  });
  for (let mounted = 0; mounted < mounts; mounted += 1) app.use(traceContext(traceOptions));
  for (const endpoint of endpoints) {
    let router = new Hono();
    const method = endpoint.method.toLowerCase() as 'get' | 'post' | 'all';
    router[method](endpoint.path, (c) =>
      answer(endpoint, { request: c.req.raw, environment: c.env as Environment, params: c.req.param() }),
    );
    for (const prefix of [...endpoint.mounts].reverse()) router = new Hono().route(prefix, router);
    app.route('/', router);
  }
  return (request, environment) => app.fetch(request, environment as object);
}

/** Serves on Node, through `@hono/node-server`. */
export function overNodeServer(
  handler: (setup: HttpServerSetup, answer: AnswerEndpoint<NodeEnvironment>) => Fetch,
) {
  return (setup: HttpServerSetup): ServedHttp => ({
    server: createAdaptorServer({ fetch: handler(setup, answerOnNode) as never }) as ServedHttp['server'],
  });
}

const answerOnNode: AnswerEndpoint<NodeEnvironment> = async (endpoint, { request, environment, params }) => {
  const call = { req: environment.incoming, res: environment.outgoing, params };
  if (endpoint.style === 'raw') {
    await endpoint.handle(call);
    return RESPONSE_ALREADY_SENT;
  }
  const body = endpoint.method === 'POST' ? JSON.parse(await request.text()) : undefined;
  return responseOf(await endpoint.handle({ ...call, body }));
};

/** Returns the response of the Fetch API that a reply describes. */
export function responseOf(reply: Awaited<ReturnType<HttpServerEndpoint['handle']>>): Response {
  const { body = null, status, headers } = reply ?? { status: 500, headers: {} };
  return new Response(body instanceof Readable ? bytesOf(body) : body, { status, headers: { ...headers } });
}

/** Not `Readable.toWeb`, which passes texts on as they are: not every runtime sends them. */
function bytesOf(body: Readable): ReadableStream<Uint8Array> {
  const pieces = body[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(new TextEncoder().encode(String(value)));
    },
    cancel: () => void body.destroy(),
  });
}

function failure(error: unknown): Response {
  return new Response('failed', { status: (error as { status?: number }).status ?? 500 });
}

function patternOf({ mounts, path }: HttpServerEndpoint): RegExp {
  const pattern = `${mounts.join('')}${path}`.replace(/:(\w+)/g, '(?<$1>[^/]+)').replace('*', '.*');
  return new RegExp(`^${pattern}$`);
}
