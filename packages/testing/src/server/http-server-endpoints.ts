import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { pipeline, Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';
import type { Gate } from '../kit/gate.ts';
import type { EndpointCall, EndpointReply, HttpServerEndpoint } from './http-server-endpoint.ts';

/** What endpoints use of the running case. */
export interface EndpointStage {
  /** Records which context is active here. */
  sight(label: string, req: EndpointCall['req']): void;
  /** A gate that the case opens. */
  gate(name: string): Gate;
  /** The adapter's client, for the endpoint that calls another service. */
  readonly fetch: typeof fetch | undefined;
}

/** The error that the failing endpoints throw; the same object each time, so that identity can be asserted. */
export const THROWN: Error & { status: number; statusCode: number } = Object.assign(
  new RangeError('the handler failed'),
  { status: 500, statusCode: 500 },
);

/** Thrown by `/refuses`: an error that the framework answers with 400. */
const REFUSED: Error & { status: number; statusCode: number; expose: boolean } = Object.assign(
  new TypeError('the request is wrong'),
  { status: 400, statusCode: 400, expose: true },
);

/** The error that a response is destroyed with. */
export const BROKEN: Error & { code: string } = Object.assign(new Error('the source broke'), {
  code: 'E_BROKEN_SOURCE',
});

/** The error of a connection that its other side resets, as a proxy gets it from its upstream. */
export const RESET: Error & { code: string } = Object.assign(new Error('read ECONNRESET'), {
  code: 'ECONNRESET',
  errno: -104,
  syscall: 'read',
});

/** Returns the endpoints of one case. */
export function createEndpoints(stage: EndpointStage): HttpServerEndpoint[] {
  return [
    ...routedEndpoints(stage),
    ...failingEndpoints(),
    ...workingEndpoints(stage),
    ...streamingEndpoints(stage),
    ...readingEndpoints(stage),
    ...breakingEndpoints(stage),
    ...meddlingEndpoints(stage),
  ];
}

/** Returns endpoints that answer, under routes of every form. */
function routedEndpoints({ sight }: EndpointStage): HttpServerEndpoint[] {
  const item = ({ req, res, params }: EndpointCall): EndpointReply => {
    sight('handler', req);
    res.on('finish', () => sight('finish', req));
    res.on('close', () => sight('close', req));
    return json(200, { id: params.id ?? '' }, { 'x-answer': '42', 'x-list': 'a, b' });
  };
  return [
    reply('GET', '/items/:id', item),
    reply('GET', '/items/:id', item, ['/api', '/v1']),
    reply('GET', '/users/:id', item, ['/tenants/:tenantId']),
    reply('GET', '/files/*', ({ req }) => {
      sight('handler', req);
      return json(200, {});
    }),
    reply('ALL', '/any/:id', item),
    reply('GET', '/status/:code', ({ params }) => ({
      status: Number(params.code),
      headers: params.code === '302' ? { location: '/items/1' } : {},
    })),
    reply('POST', '/echo', ({ req, body }) => {
      sight('handler', req);
      return json(200, body);
    }),
  ];
}

/** Returns endpoints that throw or reject. */
function failingEndpoints(): HttpServerEndpoint[] {
  const fails = (): never => {
    throw THROWN;
  };
  return [
    reply('GET', '/throws/:id', fails, ['/api', '/v1']),
    reply('GET', '/throws', fails),
    reply('GET', '/rejects', async () => {
      await sleep(1);
      throw THROWN;
    }),
    reply('GET', '/refuses', () => {
      throw REFUSED;
    }),
    reply('GET', '/quotes', ({ req }) => {
      // Clients and parsers quote their input in this way.
      throw new Error(`cannot use "${req.url}" with ${req.headers.authorization}`);
    }),
    reply('GET', '/throws-text', () => {
      throw 'not an Error';
    }),
  ];
}

/** Returns endpoints that work for a while in the context of their request. */
function workingEndpoints({ sight, gate, fetch: tracedFetch }: EndpointStage): HttpServerEndpoint[] {
  return [
    reply('GET', '/waits', async ({ req }) => {
      await sleep(1);
      sight('await', req);
      await new Promise<void>((done) => {
        setTimeout(() => {
          sight('setTimeout', req);
          setImmediate(() => {
            sight('setImmediate', req);
            process.nextTick(() => {
              sight('nextTick', req);
              queueMicrotask(() => {
                sight('queueMicrotask', req);
                done();
              });
            });
          });
        }, 1);
      });
      return json(200, {});
    }),
    reply('GET', '/works', async () => {
      const tracer = trace.getTracer('application');
      tracer.startSpan('before').end();
      await sleep(1);
      tracer.startSpan('after').end();
      return json(200, {});
    }),
    reply('GET', '/held', async ({ req }) => {
      sight('handler', req);
      gate('held').open();
      await gate('release').passed;
      return json(200, {});
    }),
    reply('GET', '/outgoing', async ({ req }) => {
      const response = await (tracedFetch ?? fetch)(String(req.headers['x-target']));
      return json(200, { upstream: response.status, text: await response.text() });
    }),
  ];
}

/** Returns endpoints that answer piece by piece. */
function streamingEndpoints({ sight, gate }: EndpointStage): HttpServerEndpoint[] {
  return [
    reply('GET', '/streamed', ({ req }) => ({
      status: 200,
      headers: { 'content-type': 'text/plain' },
      body: Readable.from(
        (async function* () {
          sight('stream', req);
          yield 'first ';
          await gate('rest').passed;
          sight('stream', req);
          yield 'last';
        })(),
      ),
    })),
    reply('GET', '/broken-stream', () => ({
      status: 200,
      headers: { 'content-type': 'text/plain' },
      body: Readable.from(
        (async function* () {
          yield 'first ';
          await gate('break').passed;
          throw BROKEN;
        })(),
      ),
    })),
    raw('GET', '/events', async ({ req, res }) => {
      begin(res, 'text/event-stream');
      write(res, 'data: 1\n\n');
      sight('handler', req);
      await gate('next').passed;
      sight('handler', req);
      write(res, 'data: 2\n\n');
      await gate('last').passed;
      res.end();
    }),
    raw('GET', '/drains', async ({ res }) => {
      begin(res, 'text/plain');
      const piece = 'x'.repeat(64 * 1024);
      for (let sent = 0; sent < 64; sent += 1) if (!write(res, piece)) await once(res, 'drain');
      res.end();
    }),
  ];
}

/** Returns endpoints that read the body of the request themselves. */
function readingEndpoints({ sight, gate }: EndpointStage): HttpServerEndpoint[] {
  return [
    raw('POST', '/listeners', ({ req, res }) => {
      let size = 0;
      req.on('data', (chunk: Buffer) => {
        sight('data', req);
        size += chunk.length;
      });
      req.on('end', () => {
        sight('end', req);
        res.end(String(size));
      });
    }),
    raw('POST', '/uploads', async ({ req, res }) => {
      req.on('data', () => sight('data', req));
      await gate('release').passed;
      res.end('uploaded');
    }),
    raw('POST', '/detaches', ({ req, res }) => {
      const heard: string[] = [];
      const off = (): number => heard.push('off');
      const once = (): number => heard.push('once');
      req.on('data', off);
      req.removeListener('data', off);
      req.once('data', once);
      req.on('data', () => {});
      req.on('end', () => res.end(`${heard.join()} ${req.listenerCount('data')}`));
    }),
    raw('POST', '/pipeline', ({ req, res }) => {
      const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
      pipeline(req, sink, () => {
        sight('pipeline', req);
        res.end('piped');
      });
    }),
    raw('POST', '/answers-early', ({ req, res }) => {
      res.end('enough');
      req.resume();
    }),
    raw('POST', '/answers-aborted', ({ req, res }) => {
      req.on('data', () => sight('data', req));
      req.on('error', () => {});
      req.on('aborted', () => {
        res.statusCode = 400;
        res.end('cut');
      });
    }),
  ];
}

/** Returns endpoints that break their response. */
function breakingEndpoints({ gate }: EndpointStage): HttpServerEndpoint[] {
  return [
    raw('GET', '/destroys', ({ res }) => {
      res.destroy();
    }),
    raw('GET', '/destroys-with-error', ({ res }) => {
      res.on('error', () => {});
      res.destroy(BROKEN);
    }),
    raw('GET', '/destroys-midway', async ({ res }) => {
      res.on('error', () => {});
      begin(res, 'text/plain');
      write(res, 'first ');
      await gate('break').passed;
      res.destroy(BROKEN);
    }),
    raw('GET', '/upstream-resets', async ({ res }) => {
      res.on('error', () => {});
      begin(res, 'text/plain');
      write(res, 'first ');
      await gate('break').passed;
      res.destroy(RESET);
    }),
  ];
}

/** Returns endpoints that meddle with listeners or with the connection. */
function meddlingEndpoints({ gate }: EndpointStage): HttpServerEndpoint[] {
  return [
    raw('GET', '/removes-listeners', ({ req, res }) => {
      for (const event of ['close', 'end', 'error', 'aborted', 'timeout']) {
        req.removeAllListeners(event);
        res.removeAllListeners(event);
      }
      res.end('alone');
    }),
    raw('GET', '/listeners-of-connection', ({ req, res }) => {
      const { socket } = req;
      const count = socket.eventNames().reduce((sum, name) => sum + socket.listenerCount(name), 0);
      res.end(`<${count}>`);
    }),
    raw('GET', '/switches', async ({ req }) => {
      req.socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
      await gate('hang-up').passed;
      req.socket.end();
    }),
    raw('GET', '/puts-emit-back', ({ res }) => {
      Reflect.deleteProperty(res, 'emit');
      res.end('alone');
    }),
  ];
}

function reply(
  method: HttpServerEndpoint['method'],
  path: string,
  handle: (call: EndpointCall) => EndpointReply | Promise<EndpointReply>,
  mounts: readonly string[] = [],
): HttpServerEndpoint {
  return { method, mounts, path, style: 'reply', handle };
}

function raw(
  method: HttpServerEndpoint['method'],
  path: string,
  answer: (call: EndpointCall) => void | Promise<void>,
): HttpServerEndpoint {
  return {
    method,
    mounts: [],
    path,
    style: 'raw',
    async handle(call) {
      await answer(call);
      return undefined;
    },
  };
}

// The two response classes declare these with incompatible overloads.
function begin(res: EndpointCall['res'], type: string): void {
  (res as ServerResponse).writeHead(200, { 'content-type': type });
}

function write(res: EndpointCall['res'], text: string): boolean {
  return (res as ServerResponse).write(text);
}

function json(status: number, value: unknown, headers: Record<string, string> = {}): EndpointReply {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) };
}
