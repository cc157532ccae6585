import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import http, {
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  ServerResponse,
} from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net, { type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { pipeline as pipeInto } from 'node:stream/promises';
import tls from 'node:tls';
import { type Attributes, SpanStatusCode } from '@opentelemetry/api';
import { exchangeOf, traceNodeExchange } from '@throughline/http';
import { createHttpServerTracer } from '@throughline/http-semantics';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  closeServers,
  createMeters,
  listen,
  type Recorder,
  startSdk,
  stopSdk,
  within,
  withResolvers,
} from '../../core/test/sdk.ts';

let spans: Recorder;
let meters: ReturnType<typeof createMeters>;
/** Sockets that no server closes any more. */
const taken: Socket[] = [];
beforeEach(() => {
  spans = startSdk();
  meters = createMeters();
});
afterEach(async () => {
  for (const socket of taken.splice(0)) socket.destroy();
  await closeServers();
  const active = await meters.points('http.server.active_requests');
  stopSdk();
  expect(
    active.map(({ value }) => value),
    'requests under way are given back',
  ).toEqual(active.map(() => 0));
  expect(spans.open).toBe(0);
});

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown;
const traced = (handler: Handler): RequestListener => {
  const tracer = createHttpServerTracer({ meterProvider: meters.provider, activeRequests: true });
  return (req, res) => traceNodeExchange(tracer, req, res).run(() => handler(req, res));
};

/** A client that writes bytes and reads them. */
async function connect(port: number) {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }).setEncoding('latin1');
  let text = '';
  socket
    .on('data', (chunk: string) => {
      text += chunk;
    })
    .on('error', () => {});
  await once(socket, 'connect');
  const received = (part: string) =>
    within(
      (async () => {
        while (!text.includes(part)) await once(socket, 'data');
        return text;
      })(),
      `${part}; got ${text}`,
    );
  return { socket, received, text: () => text };
}

/** A traced server with a client on it. */
async function served(handler: Handler, options: ServerOptions = {}) {
  const server = http.createServer(options, traced(handler));
  return { server, ...(await connect(await listen(server))) };
}

const told = ({ attributes, status }: { attributes: Attributes; status: { code: number } }) => {
  const error = attributes['error.type'];
  expect(status.code).toBe(error === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR);
  return [attributes['http.response.status_code'], error];
};
/** [status code, error.type] of the one span. */
const outcome = async () => told(await spans.one());

const turn = () => new Promise((next) => setImmediate(next));
const GET = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345';
const CHUNKED = 'POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n';
const UPGRADE = 'GET /chat HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n';
/** What Node's sockets fail with when the other side resets them. */
const reset = () =>
  Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', errno: -104, syscall: 'read' });

describe('nothing of ours grows with the requests on a connection', () => {
  const listeners = (socket: Socket) =>
    Object.fromEntries(socket.eventNames().map((name) => [String(name), socket.listenerCount(name)]));

  test.each([
    ['pipelined', 200],
    ['one after the other', 1],
  ])('%s', async (_, depth) => {
    const seen: ReturnType<typeof listeners>[] = [];
    const { socket, received } = await served((req, res) => {
      seen.push(listeners(req.socket));
      res.end(`<${req.url}>`);
    });
    for (let n = 0; n < 200; n += depth) {
      const batch = Array.from({ length: depth }, (_, at) => GET.replace('/', `/${n + at}`));
      socket.write(batch.join(''));
      await received(`</${n + depth - 1}>`);
    }
    await spans.take(200);
    expect(seen.at(-1)).toEqual(seen[1]);
  });

  test('requests that wait for their turn share one listener', async () => {
    const waiting: ServerResponse[] = [];
    const all = withResolvers<IncomingMessage>();
    const { socket, received } = await served((req, res) => {
      waiting.push(res);
      if (waiting.length === 100) all.resolve(req);
    });
    socket.write(GET.repeat(100));
    const req = await all.promise;
    // Node has two of its own.
    expect(req.socket.listenerCount('close')).toBeLessThanOrEqual(3);
    for (const [at, res] of waiting.entries()) res.end(`<${at}>`);
    await received('<99>');
    await spans.take(100);
    expect(req.socket.listenerCount('close')).toBeLessThanOrEqual(3);
  });

  test('each of those that wait ends when the client leaves', async () => {
    const all = withResolvers();
    let arrived = 0;
    const { socket } = await served(() => {
      arrived += 1;
      if (arrived === 100) all.resolve();
    });
    socket.write(GET.repeat(100));
    await all.promise;
    socket.destroy();
    const ended = await spans.take(100);
    expect(new Set(ended.map(told).map(String))).toEqual(new Set([',client_disconnected']));
  });
});

describe('only what left counts as sent', () => {
  const LATE: [string, Handler][] = [
    ['on error', (req, res) => req.resume().on('error', () => res.writeHead(400).end('cut'))],
    ['on aborted', (req, res) => req.resume().on('aborted', () => res.writeHead(400).end('cut'))],
    ['on close of the request', (req, res) => req.resume().on('close', () => res.writeHead(500).end('cut'))],
    ['on close of the socket', (req, res) => req.socket.prependListener('close', () => res.end('cut'))],
    [
      'on iteration',
      async (req, res) => {
        try {
          for await (const _ of req);
        } catch {
          res.writeHead(400).end('cut');
        }
      },
    ],
  ];
  const WAYS: [string, (socket: Socket) => unknown][] = [
    ['closes', (socket) => socket.destroy()],
    ['resets', (socket) => socket.resetAndDestroy()],
    ['sends FIN', (socket) => socket.end()],
  ];
  const cases = LATE.flatMap(([when, handler]) =>
    WAYS.map(([how, leave]) => [when, how, handler, leave] as const),
  );

  test.each(cases)('an answer given %s when the client %s', async (_when, _how, handler, leave) => {
    for (const kept of [false, true]) {
      const arrived = withResolvers();
      const { socket, received } = await served((req, res) => {
        if (req.method === 'GET') return res.end('first');
        req.once('data', () => arrived.resolve());
        return handler(req, res);
      });
      if (kept) {
        socket.write(GET);
        await received('first');
        expect(await outcome()).toEqual([200, undefined]);
      }
      socket.write(POST);
      await arrived.promise;
      leave(socket);
      expect(await outcome()).toEqual([undefined, 'client_disconnected']);
    }
  });

  test.each<[string, Handler, unknown[]]>([
    [
      'the first piece of a streamed body, which Node holds back for a turn',
      (_, res) => {
        res.writeHead(200);
        res.write('x');
        res.destroy();
      },
      [undefined, 'response_destroyed'],
    ],
    [
      'the rest of a body that the client was too slow for',
      (req, res) => {
        res.writeHead(200);
        res.end(Buffer.alloc(64 << 20), () => {});
        setImmediate(() => req.socket.destroy());
      },
      [200, 'response_destroyed'],
    ],
    [
      'an informational head is none',
      (req, res) => {
        res.writeProcessing();
        setImmediate(() => {
          req.socket.destroy();
          res.writeHead(500).end();
        });
      },
      [undefined, 'response_destroyed'],
    ],
    [
      'what was whole before this side destroyed the connection',
      (req, res) => {
        res.end('x');
        req.socket.destroy();
      },
      [200, undefined],
    ],
  ])('%s', async (_, handler, expected) => {
    const { socket } = await served(handler);
    socket.pause();
    socket.write(GET);
    expect(await outcome()).toEqual(expected);
  });

  test('no header of a response that did not leave is captured', async () => {
    const tracer = createHttpServerTracer({ captureResponseHeaders: ['x-a'] });
    const port = await listen((req, res) =>
      traceNodeExchange(tracer, req, res).run(() => {
        res.setHeader('x-a', '1');
        res.destroy();
      }),
    );
    const { socket } = await connect(port);
    socket.write(GET);
    expect((await spans.one()).attributes).not.toHaveProperty('http.response.header.x-a');
  });
});

describe('whoever broke a response is named', () => {
  const OTHERS: [string, () => Error][] = [
    ['a reset', reset],
    ['a broken pipe', () => Object.assign(new Error('x'), { code: 'EPIPE', errno: -32, syscall: 'write' })],
    ['a hang-up', () => Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })],
    ['a time-out', () => Object.assign(new Error('x'), { code: 'ETIMEDOUT', errno: -110, syscall: 'read' })],
  ];
  const GIVEN: [string, (req: IncomingMessage, res: ServerResponse, error: Error) => unknown][] = [
    ['the response', (_, res, error) => res.on('error', () => {}).destroy(error)],
    ['the request', (req, _, error) => req.on('error', () => {}).destroy(error)],
    [
      'a pipeline',
      (_, res, error) => {
        const upstream = new Readable({ read() {} });
        pipeline(upstream, res, () => {});
        upstream.push('part');
        setImmediate(() => upstream.destroy(error));
      },
    ],
  ];
  test.each(OTHERS.flatMap(([what, error]) => GIVEN.map(([to, give]) => [what, to, error, give] as const)))(
    '%s of an upstream, given to %s, is not the client’s',
    async (_what, _to, error, give) => {
      const { socket } = await served((req, res) => give(req, res, error()));
      socket.write(GET);
      const [, type] = await outcome();
      expect(type).toBe((error() as NodeJS.ErrnoException).code);
    },
  );

  test('a reset of an upstream, given to the socket itself, is not the client’s', async () => {
    const { socket } = await served((req) => setImmediate(() => req.socket.destroy(reset())));
    socket.write(GET);
    expect(await outcome()).toEqual([undefined, 'ECONNRESET']);
  });

  test('a real upstream that breaks', async () => {
    const upstream = net.createServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart');
        setTimeout(() => socket.resetAndDestroy(), 5);
      });
    });
    await once(upstream.listen(0, '127.0.0.1'), 'listening');
    const { socket } = await served((_, res) => {
      const { port } = upstream.address() as AddressInfo;
      http
        .get({ port, host: '127.0.0.1', agent: false }, (from) => pipeline(from, res, () => {}))
        .on('error', () => {});
    });
    socket.write(GET);
    expect(await outcome()).toEqual([200, 'ECONNRESET']);
    upstream.close();
  });

  test.each<[string, (socket: Socket) => unknown]>([
    ['closes', (socket) => socket.destroy()],
    ['resets', (socket) => socket.resetAndDestroy()],
  ])('a client that %s during a pipeline is', async (_, leave) => {
    const { socket, received } = await served((_, res) => {
      const upstream = new Readable({ read() {} });
      pipeline(upstream, res, () => {});
      upstream.push('part');
    });
    socket.write(GET);
    await received('part');
    leave(socket);
    expect(await outcome()).toEqual([200, 'client_disconnected']);
  });

  const read = (name: string) => readFileSync(join(import.meta.dirname, 'tls', name));
  test.each<[string, (socket: Socket, req: IncomingMessage) => unknown, unknown[]]>([
    ['closes', (socket) => socket.destroy(), [200, 'client_disconnected']],
    ['resets', (socket) => socket.resetAndDestroy(), [200, 'client_disconnected']],
    ['is not there to be blamed', (_, req) => req.socket.destroy(reset()), [200, 'ECONNRESET']],
  ])('a client that %s, over TLS', async (_, leave, expected) => {
    const arrived = withResolvers<IncomingMessage>();
    const handler = traced((req, res) => {
      res.writeHead(200).write('part');
      arrived.resolve(req);
    });
    const server = https.createServer({ key: read('server-key.pem'), cert: read('server.pem') }, handler);
    const raw = net.connect(await listen(server as never), '127.0.0.1').on('error', () => {});
    const socket = tls.connect({ socket: raw, rejectUnauthorized: false }).on('error', () => {});
    socket.write(GET);
    await once(socket, 'data');
    leave(raw, await arrived.promise);
    expect(await outcome()).toEqual(expected);
    raw.destroy();
  });

  test('a client that left after a time limit was noticed, and ignored, is', async () => {
    const noticed = withResolvers();
    const { socket } = await served((_, res) => res.setTimeout(5, () => noticed.resolve()));
    socket.write(GET);
    await noticed.promise;
    socket.resetAndDestroy();
    expect(await outcome()).toEqual([undefined, 'client_disconnected']);
  });

  test('FIN is no farewell where the server lets clients half-close', async () => {
    const ended = withResolvers<ServerResponse>();
    const { socket, server } = await served((req, res) => req.socket.once('end', () => ended.resolve(res)));
    (server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
    socket.end(GET);
    const res = await ended.promise;
    res.on('error', () => {}).destroy(new RangeError('mine'));
    expect(await outcome()).toEqual([undefined, 'RangeError']);
  });
});

describe('answers that do not pass through the response', () => {
  test.each<[string, string, number]>([
    ['a malformed chunk', `${CHUNKED}zz\r\n`, 400],
    ['a chunk extension without end', `${CHUNKED}1;a=${'x'.repeat(20_000)}\r\n`, 413],
    ['trailers without end', `${CHUNKED}0\r\na: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ])('%s: the status that Node wrote', async (_, bytes, status) => {
    const { socket, received } = await served((req) => req.on('error', () => {}).resume());
    socket.write(bytes);
    await received(`HTTP/1.1 ${status}`);
    expect(await outcome()).toEqual([status, undefined]);
  });

  test('a time limit of the request: 408', async () => {
    const { socket, received } = await served((req) => req.on('error', () => {}).resume(), {
      requestTimeout: 250,
      connectionsCheckingInterval: 5,
    } as ServerOptions);
    socket.write(POST);
    await received('HTTP/1.1 408');
    expect(await outcome()).toEqual([408, undefined]);
  });

  test.each<[string, (error: Error, socket: Socket) => unknown]>([
    ['end', (_, socket) => socket.end('HTTP/1.1 422 No\r\nconnection: close\r\n\r\n')],
    ['bytes', (_, socket) => socket.end(Buffer.from('HTTP/1.1 422 No\r\nconnection: close\r\n\r\n'))],
    [
      'write and destroy',
      (error, socket) => {
        socket.write('HTTP/1.1 422 No\r\nconnection: close\r\n\r\n');
        socket.destroy(error);
      },
    ],
  ])('the answer of a listener of clientError, with %s', async (_, answer) => {
    const { server, socket, received } = await served((req) => req.on('error', () => {}).resume());
    server.on('clientError', answer);
    socket.write(`${CHUNKED}zz\r\n`);
    await received('422');
    socket.end();
    expect(await outcome()).toEqual([422, undefined]);
  });

  test('a mistake after the head has left is named, and the status is the one that was sent', async () => {
    const { socket, received } = await served((_, res) => res.writeHead(200).write('part'));
    socket.write(CHUNKED);
    await received('part');
    socket.write('zz\r\n');
    const [status, error] = await outcome();
    expect(status).toBe(200);
    expect(error).toMatch(/^HPE_/);
  });

  test('the second request of a connection answered by Node, and those that waited', async () => {
    const arrived = withResolvers();
    let requests = 0;
    const { socket, received } = await served((req, res) => {
      requests += 1;
      if (requests === 1) return res.end('first');
      if (requests === 3) arrived.resolve();
      return req.on('error', () => {}).resume();
    });
    socket.write(GET);
    await received('first');
    expect(await outcome()).toEqual([200, undefined]);
    socket.write(GET + GET);
    await arrived.promise;
    socket.write('nonsense\r\n\r\n');
    await received('HTTP/1.1 400');
    const [second, third] = (await spans.take(2)).map(told);
    expect(second).toEqual([400, undefined]);
    expect(third?.[0]).toBe(undefined);
    expect(third?.[1]).not.toBe('client_disconnected');
  });
});

describe('a protocol that takes the socket over', () => {
  /** Traces what arrives by `upgrade` with the response that `make` makes of it. */
  async function upgraded(
    handler: (req: IncomingMessage, res: ServerResponse, socket: Socket) => unknown,
    make: (req: IncomingMessage, socket: Socket) => ServerResponse,
  ) {
    const server = http.createServer().on('upgrade', (req: IncomingMessage, socket: Socket) => {
      taken.push(socket.on('error', () => {}));
      traced((_, res) => handler(req, res, socket))(req, make(req, socket) as never);
    });
    return connect(await listen(server));
  }
  const assigned = (req: IncomingMessage, socket: Socket) => {
    const res = new ServerResponse(req);
    res.assignSocket(socket);
    return res;
  };
  const loose = (req: IncomingMessage) => new ServerResponse(req);
  const MADE: [string, (req: IncomingMessage, socket: Socket) => ServerResponse][] = [
    ['with the socket', assigned],
    ['without a socket', loose],
  ];

  test.each(MADE)('ends with 101 while the connection lives: a response %s', async (_, make) => {
    const { socket, received } = await upgraded((_req, _res, socket) => socket.write(SWITCH), make);
    socket.write(UPGRADE);
    await received('101');
    expect(await outcome()).toEqual([101, undefined]);
    socket.destroy();
  });

  test.each(MADE)('later, after a wait: a response %s', async (_, make) => {
    const { socket, received } = await upgraded(async (_req, _res, socket) => {
      await turn();
      socket.cork();
      socket.write(SWITCH);
      socket.write('hello');
      socket.uncork();
    }, make);
    socket.write(UPGRADE);
    await received('hello');
    expect(await outcome()).toEqual([101, undefined]);
    socket.destroy();
  });

  test('routed through an application after the switch: ends at once, and no error', async () => {
    const { socket, received } = await upgraded(
      () => {},
      (req, socket) => {
        socket.write(SWITCH);
        return loose(req);
      },
    );
    socket.write(UPGRADE);
    await received('101');
    expect(await outcome()).toEqual([101, undefined]);
    socket.destroy();
  });

  test.each(MADE)('refused by hand: the status that was written, a response %s', async (_, make) => {
    const { socket, received } = await upgraded(
      (_req, _res, socket) => socket.end('HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n'),
      make,
    );
    socket.write(UPGRADE);
    await received('401');
    socket.end();
    expect(await outcome()).toEqual([401, undefined]);
  });

  test('refused through the response', async () => {
    const { socket, received } = await upgraded((_req, res) => res.writeHead(403).end('no'), assigned);
    socket.write(UPGRADE);
    await received('403');
    expect(await outcome()).toEqual([403, undefined]);
    socket.destroy();
  });

  test.each(MADE)('never answered: the client left, a response %s', async (_, make) => {
    const arrived = withResolvers();
    const { socket } = await upgraded(() => arrived.resolve(), make);
    socket.write(UPGRADE);
    await arrived.promise;
    socket.resetAndDestroy();
    expect(await outcome()).toEqual([undefined, 'client_disconnected']);
  });

  test.each<[string, Handler]>([
    ['the socket', (req) => req.socket.write(SWITCH)],
    [
      'the response',
      (_, res) => res.writeHead(101, { upgrade: 'echo', connection: 'upgrade' }).flushHeaders(),
    ],
  ])('a 101 by hand from a plain request, through %s', async (_, handler) => {
    const { socket, received } = await served(handler);
    socket.write(UPGRADE);
    await received('101');
    expect(await outcome()).toEqual([101, undefined]);
    socket.destroy();
  });

  test.each([200, 502])('CONNECT answered %i', async (status) => {
    const server = http.createServer().on('connect', (req: IncomingMessage, socket: Socket) => {
      taken.push(socket.on('error', () => {}));
      traced(() => socket.write(`HTTP/1.1 ${status} Answer\r\n\r\n`))(req, loose(req) as never);
      if (status !== 200) socket.end();
    });
    const { socket, received } = await connect(await listen(server));
    socket.write('CONNECT a.test:443 HTTP/1.1\r\nhost: a.test:443\r\n\r\n');
    await received(String(status));
    if (status !== 200) socket.end();
    expect(await outcome()).toEqual(status === 200 ? [200, undefined] : [502, '502']);
    socket.destroy();
  });
});

describe('objects that were wrapped', () => {
  type Wrap = <T extends object>(object: T) => T;
  const WRAPS: [string, Wrap][] = [
    ['a Proxy', (object) => new Proxy(object, {})],
    [
      'a Proxy that binds what it returns',
      (object) =>
        new Proxy(object, {
          get(target, name) {
            const value = Reflect.get(target, name);
            return typeof value === 'function' ? value.bind(target) : value;
          },
        }),
    ],
    ['an heir', (object) => Object.create(object)],
    ['an heir of an heir', (object) => Object.create(Object.create(object))],
  ];
  const none: Wrap = (object) => object;
  const cases = WRAPS.flatMap(([what, wrap]) => [
    [`${what} around the request`, wrap, none] as const,
    [`${what} around the response`, none, wrap] as const,
    [`${what} around both`, wrap, wrap] as const,
  ]);

  test.each(cases)('%s: the role is kept', async (_, wrapReq, wrapRes) => {
    const tracer = createHttpServerTracer();
    const active: Record<string, boolean> = {};
    const port = await listen((raw, rawRes) => {
      const [req, res] = [wrapReq(raw), wrapRes(rawRes)];
      const exchange = traceNodeExchange(tracer, req, res);
      exchange.run(() => {
        const note = (event: string) => () => {
          active[event] = exchangeOf(raw) === exchange && exchangeOf(req) === exchange;
        };
        raw.on('data', note('data')).on('end', note('end'));
        rawRes.on('finish', note('finish'));
        raw.on('close', () => setTimeout(() => rawRes.writeHead(201).end('late'), 5));
      });
    });
    const response = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body: 'body' });
    expect(await response.text()).toBe('late');
    expect(await outcome()).toEqual([201, undefined]);
    expect(active).toEqual({ data: true, end: true, finish: true });
  });
});

describe('a witness that was taken away', () => {
  const THEFTS: [string, Handler][] = [
    [
      'emit put back',
      (_, res) => {
        Object.assign(res, { emit: EventEmitter.prototype.emit });
        res.writeHead(202).end('x');
      },
    ],
    [
      'emit deleted',
      (_, res) => {
        Reflect.deleteProperty(res, 'emit');
        res.writeHead(202).end('x');
      },
    ],
    [
      'emit replaced by one that asks nobody',
      (_, res) => {
        Object.assign(res, { emit: (event: string) => EventEmitter.prototype.emit.call(res, event) });
        res.writeHead(202).end('x');
      },
    ],
  ];
  test.each(THEFTS)('%s: the span ends with the response', async (_, handler) => {
    const { socket, received } = await served(handler);
    socket.write(GET);
    await received('x');
    expect(await outcome()).toEqual([202, undefined]);
    socket.destroy();
  });

  test.each(THEFTS)('%s: the span ends with the client', async (_, handler) => {
    const arrived = withResolvers();
    const { socket } = await served((req, res) => {
      handler(req, Object.assign(res, { end: () => res, writeHead: () => res }));
      arrived.resolve();
    });
    socket.write(GET);
    await arrived.promise;
    socket.resetAndDestroy();
    expect(await outcome()).toEqual([undefined, 'client_disconnected']);
  });

  const RAW = 'HTTP/1.1 203 Raw\r\ncontent-length: 1\r\n\r\nx';
  const DETACHED: [string, Handler][] = [
    [
      'detached first',
      (req, res) => {
        res.detachSocket(req.socket);
        req.socket.write(RAW);
      },
    ],
    [
      'detached and sent in bytes',
      (req, res) => {
        res.detachSocket(req.socket);
        req.socket.write(Buffer.from(RAW));
      },
    ],
  ];
  test.each(DETACHED)('a response %s ends with the connection', async (_, handler) => {
    const { socket, received } = await served(handler);
    socket.write(GET);
    await received('203');
    socket.destroy();
    expect(await outcome()).toEqual([203, undefined]);
  });

  test('all that was put on the response taken back: the span ends with the next request of the connection', async () => {
    const { socket, received } = await served((req, res) => {
      if (req.url === '/next') return res.end('next');
      Reflect.deleteProperty(res, 'emit');
      Reflect.deleteProperty(res, 'detachSocket');
      return res.writeHead(202).end('first');
    });
    socket.write(GET);
    await received('first');
    socket.write(GET.replace('/', '/next'));
    await received('next');
    expect((await spans.take(2)).map(told)).toEqual([
      [202, undefined],
      [200, undefined],
    ]);
  });
});

describe('what cannot be read', () => {
  const broken = (name: string, object: object) =>
    Object.defineProperty(object, name, {
      configurable: true,
      get() {
        throw new Error(`planted in ${name}`);
      },
    });
  test.each([
    'headers',
    'originalUrl',
    'url',
    'method',
    'socket',
    'httpVersion',
    'httpVersionMajor',
    'upgrade',
  ])('a getter of %s that throws: the request is served, and its span ends', async (name) => {
    const tracer = createHttpServerTracer();
    const port = await listen((req, res) => {
      const own = Object.getOwnPropertyDescriptor(req, name);
      broken(name, req);
      const exchange = traceNodeExchange(tracer, req, res);
      expect(traceNodeExchange(tracer, req, res)).toBe(exchange);
      // Node reads some of them itself.
      if (own === undefined) Reflect.deleteProperty(req, name);
      else Object.defineProperty(req, name, own);
      exchange.run(() => res.end('x'));
    });
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('x');
    expect(await outcome()).toEqual([200, undefined]);
  });

  test.each(['encrypted', 'remoteAddress', 'remotePort', 'authorized', 'bytesWritten', 'parser', '_write'])(
    'a getter of socket.%s that throws',
    async (name) => {
      const tracer = createHttpServerTracer();
      const port = await listen((req, res) => {
        const socket = new Proxy(req.socket, {
          get(target, key) {
            if (key === name) throw new Error('planted');
            const value = Reflect.get(target, key);
            return typeof value === 'function' ? value.bind(target) : value;
          },
        });
        const given = new Proxy(req, {
          get: (target, key) => (key === 'socket' ? socket : Reflect.get(target, key)),
        });
        traceNodeExchange(tracer, given, res).run(() => res.end('x'));
      });
      expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('x');
      expect(await outcome()).toEqual([200, undefined]);
    },
  );

  test.each<[string, (req: object) => object]>([
    [
      'a request that throws at every touch',
      (req) =>
        new Proxy(req, {
          get() {
            throw new Error('planted');
          },
          getOwnPropertyDescriptor() {
            throw new Error('planted');
          },
          getPrototypeOf() {
            throw new Error('planted');
          },
          has() {
            throw new Error('planted');
          },
          set() {
            throw new Error('planted');
          },
        }),
    ],
    ['a frozen request', (req) => Object.freeze(Object.create(req))],
    ['a request of nothing', () => Object.create(null)],
  ])('%s', async (_, wrap) => {
    const tracer = createHttpServerTracer();
    const port = await listen((req, res) => {
      const given = wrap(req) as IncomingMessage;
      traceNodeExchange(tracer, given, res).run(() => res.end('x'));
      expect(() => exchangeOf(given)).not.toThrow();
    });
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('x');
    expect(await outcome()).toEqual([200, undefined]);
  });

  test('listeners that cannot be counted are called', async () => {
    const tracer = createHttpServerTracer();
    const port = await listen((req, res) => {
      traceNodeExchange(tracer, req, res);
      // Streams count those of the request themselves.
      broken('listenerCount', res);
      res.on('finish', () => heard.push('finish'));
      res.end('x');
    });
    const heard: string[] = [];
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('x');
    expect(await outcome()).toEqual([200, undefined]);
    expect(heard).toEqual(['finish']);
  });

  test('neither request nor response can be written to: the span does not stay open', async () => {
    const tracer = createHttpServerTracer();
    const untouchable = <T extends object>(object: T): T =>
      new Proxy(object, {
        get(target, name) {
          if (name === 'socket') return undefined;
          const value = Reflect.get(target, name);
          return typeof value === 'function' ? value.bind(target) : value;
        },
        set() {
          throw new Error('planted');
        },
      });
    const port = await listen((req, res) =>
      traceNodeExchange(tracer, untouchable(req), untouchable(res)).run(() => res.end('x')),
    );
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('x');
    await spans.one();
  });
});

describe('http2', () => {
  type Http2Handler = (req: http2.Http2ServerRequest, res: http2.Http2ServerResponse) => unknown;
  async function open(handler: Http2Handler, settings: http2.ServerOptions = {}) {
    const tracer = createHttpServerTracer({ meterProvider: meters.provider, activeRequests: true });
    const server = http2.createServer(settings, (req, res) =>
      traceNodeExchange(tracer, req, res).run(() => handler(req, res)),
    );
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const sockets: Socket[] = [];
    server.on('connection', (accepted: Socket) => sockets.push(accepted));
    const { port } = server.address() as AddressInfo;
    const socket = net.connect(port, '127.0.0.1');
    const client = http2
      .connect(`http://127.0.0.1:${port}`, { createConnection: () => socket })
      .on('error', () => {});
    const close = () => {
      client.destroy();
      server.close();
    };
    const cut = () => sockets.map((accepted) => accepted.destroy());
    return { server, client, socket, cut, close };
  }
  async function request(handler: Http2Handler) {
    const { client, socket, cut, close } = await open(handler);
    const stream = client.request({ ':path': '/' }).on('error', () => {});
    const head = withResolvers<number | undefined>();
    stream.on('response', ({ ':status': status }) => head.resolve(status));
    stream.on('close', () => head.resolve(undefined));
    return { stream, client, socket, cut, close, head: head.promise };
  }
  const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM, NGHTTP2_NO_ERROR } =
    http2.constants;

  test.each<[string, Http2Handler, unknown[]]>([
    [
      'respond() and end',
      (_, res) => {
        res.stream.respond({ ':status': 201 });
        res.stream.end('x');
      },
      [201, undefined],
    ],
    [
      'respond() and no body',
      (_, res) => res.stream.respond({ ':status': 204 }, { endStream: true }),
      [204, undefined],
    ],
    ['respondWithFile()', (_, res) => res.stream.respondWithFile(import.meta.filename), [200, undefined]],
    [
      'respondWithFile() of no file',
      (_, res) =>
        res.stream.respondWithFile(
          '/no/such/file',
          {},
          { onError: () => res.stream.respond({ ':status': 404 }, { endStream: true }) },
        ),
      [404, undefined],
    ],
    [
      'a push beside the answer',
      (_, res) => {
        res.stream.pushStream({ ':path': '/pushed' }, (error, pushed) => {
          if (!error) pushed.on('error', () => {}).respond({ ':status': 200 }, { endStream: true });
        });
        res.stream.respond({ ':status': 200 });
        res.stream.end('x');
      },
      [200, undefined],
    ],
    [
      'additionalHeaders() first',
      (_, res) => {
        res.stream.additionalHeaders({ ':status': 103 });
        res.stream.respond({ ':status': 500 });
        res.stream.end('x');
      },
      [500, '500'],
    ],
    [
      'a pipeline to the stream',
      (_, res) => {
        res.stream.respond({ ':status': 200 });
        pipeline(Readable.from(['a', 'b']), res.stream, () => {});
      },
      [200, undefined],
    ],
    [
      'respond(), broken midway',
      (_, res) => {
        res.stream.on('error', () => {}).respond({ ':status': 200 });
        res.stream.write('part');
        setTimeout(() => res.stream.destroy(new RangeError('mine')), 20);
      },
      [200, 'RangeError'],
    ],
  ])('the core API: %s', async (_, handler, expected) => {
    const { stream, head, close } = await request(handler);
    stream.resume();
    expect(await head).toBe(expected[0]);
    expect(await outcome()).toEqual(expected);
    close();
  });

  const CODES = { NGHTTP2_NO_ERROR, NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM };
  test.each(Object.entries(CODES))('a client that resets with %s is named', async (_, code) => {
    const arrived = withResolvers();
    const { stream, close } = await request((_, res) => {
      res.write('part');
      arrived.resolve();
    });
    await once(stream, 'data');
    await arrived.promise;
    stream.close(code);
    expect(await outcome()).toEqual([200, 'client_disconnected']);
    close();
  });

  test.each(Object.entries(CODES))('a client that is reset with %s is not', async (_, code) => {
    const { stream, close } = await request((_, res) => {
      res.write('part');
      setTimeout(() => res.stream.on('error', () => {}).close(code), 20);
    });
    stream.resume();
    const [status, error] = await outcome();
    expect(status).toBe(200);
    expect(error).not.toBe('client_disconnected');
    expect(error).toBeDefined();
    close();
  });

  test.each<[string, Http2Handler]>([
    [
      'a signal aborts the pipeline',
      (_, res) => {
        const controller = new AbortController();
        const endless = new Readable({ read() {} });
        pipeInto(endless, res.stream, { signal: controller.signal }).catch(() => {});
        endless.push('part');
        setTimeout(() => controller.abort(), 20);
      },
    ],
    [
      'the session is destroyed here',
      (_, res) => {
        res.write('part');
        setTimeout(() => res.stream.session?.destroy(), 20);
      },
    ],
  ])('%s: this side', async (_, handler) => {
    const { stream, close } = await request(handler);
    stream.resume();
    const [, error] = await outcome();
    expect(error).toBeDefined();
    expect(error).not.toBe('client_disconnected');
    close();
  });

  test.each<[string, (client: http2.ClientHttp2Session, socket: Socket) => unknown]>([
    ['destroys its session', (client) => client.destroy()],
    ['destroys its session with an error', (client) => client.destroy(new Error('x'))],
    ['closes its socket', (_, socket) => socket.destroy()],
    ['resets its socket', (_, socket) => socket.resetAndDestroy()],
  ])('a client that %s', async (_, leave) => {
    const { stream, client, socket, close } = await request((_, res) => res.write('part'));
    await once(stream, 'data');
    leave(client, socket);
    expect(await outcome()).toEqual([200, 'client_disconnected']);
    close();
  });

  test('a server that cuts its connection', async () => {
    const { stream, cut, close } = await request((_, res) => res.write('part'));
    await once(stream, 'data');
    cut();
    expect(await outcome()).toEqual([200, 'response_destroyed']);
    close();
  });

  test.each<[string, Http2Handler]>([
    [
      'destroyed in the same turn',
      (_, res) => {
        res.writeHead(200).write('x');
        res.stream.on('error', () => {}).destroy();
      },
    ],
    [
      'reset in the same turn',
      (_, res) => {
        res.writeHead(200).write('x');
        res.stream.on('error', () => {}).close(NGHTTP2_INTERNAL_ERROR);
      },
    ],
    [
      'its session destroyed in the same turn',
      (_, res) => {
        const { session } = res.stream;
        res.writeHead(200).end('x');
        session?.destroy();
      },
    ],
    [
      'its session destroyed in a later turn',
      (_, res) => {
        setImmediate(() => {
          const { session } = res.stream;
          res.writeHead(200).end('x');
          session?.destroy();
        });
      },
    ],
    [
      'reset in the same, later turn',
      (_, res) => {
        setImmediate(() => {
          res.writeHead(200).write('x');
          res.stream.on('error', () => {}).close(NGHTTP2_INTERNAL_ERROR);
        });
      },
    ],
    [
      'destroyed in the same, later turn',
      (_, res) => {
        setImmediate(() => {
          res.writeHead(200).write('x');
          res.stream.on('error', () => {}).destroy();
        });
      },
    ],
  ])('a response %s has no status but the one that came over the wire', async (_, handler) => {
    const { stream, head, close } = await request(handler);
    stream.resume();
    const status = await head;
    // What a session that is destroyed has yet to send is known to its native part alone.
    expect([status, undefined]).toContain((await outcome())[0]);
    close();
  });

  test.each<[string, Http2Handler]>([
    [
      'emit put back',
      (_, res) => {
        Object.assign(res, { emit: EventEmitter.prototype.emit });
        res.end('x');
      },
    ],
  ])('%s: the stream is the second witness', async (_, handler) => {
    const { stream, close } = await request(handler);
    stream.resume();
    expect(await outcome()).toEqual([200, undefined]);
    close();
  });

  test('a Proxy around the request keeps its role', async () => {
    const tracer = createHttpServerTracer();
    const server = http2.createServer((req, res) => {
      traceNodeExchange(tracer, new Proxy(req, {}), new Proxy(res, {})).run(() =>
        req.on('end', () => setTimeout(() => res.end('late'), 5)).resume(),
      );
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = client.request({ ':path': '/', ':method': 'POST' });
    stream.end('body');
    stream.resume();
    expect(await outcome()).toEqual([200, undefined]);
    client.destroy();
    server.close();
  });

  test('a tunnel ends with its head', async () => {
    const tracer = createHttpServerTracer();
    const server = http2.createServer({ settings: { enableConnectProtocol: true } }).on('request', () => {});
    server.on('connect', (req: http2.Http2ServerRequest, res: http2.Http2ServerResponse) =>
      traceNodeExchange(tracer, req, res).run(() => res.stream.respond({ ':status': 200 })),
    );
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await once(client, 'remoteSettings');
    const stream = client
      .request({
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':scheme': 'http',
        ':path': '/',
        ':authority': 'a',
      })
      .on('error', () => {});
    await once(stream, 'response');
    expect(await outcome()).toEqual([200, undefined]);
    client.destroy();
    server.close();
  });

  test('many streams leave nothing on their session', async () => {
    const seen: number[] = [];
    const { client, close } = await open((req, res) => {
      const session = req.stream.session as EventEmitter | undefined;
      seen.push(session?.eventNames().reduce((sum, name) => sum + session.listenerCount(name), 0) ?? 0);
      res.end('x');
    });
    for (let n = 0; n < 50; n += 1) await once(client.request({ ':path': '/' }).resume(), 'close');
    await spans.take(50);
    expect(seen.at(-1)).toBe(seen[0]);
    close();
  });
});
