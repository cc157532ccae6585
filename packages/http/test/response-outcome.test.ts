import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import http2 from 'node:http2';
import net, { type Socket } from 'node:net';
import { pipeline, Readable } from 'node:stream';
import { SpanStatusCode } from '@opentelemetry/api';
import { traceHeaders } from '@throughline/fetch';
import { exchangeOf, traceNodeExchange } from '@throughline/http';
import { createHttpServerTracer, type HttpServerOptions } from '@throughline/http-semantics';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  closeServers,
  createMeters,
  listen,
  type Recorder,
  startSdk,
  stopSdk,
  TRACE_ID,
  TRACEPARENT,
  within,
  withResolvers,
} from '../../core/test/sdk.ts';

let spans: Recorder;
beforeEach(() => {
  spans = startSdk();
});
afterEach(async () => {
  await closeServers();
  stopSdk();
});

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown;
const traced = (handler: Handler, options: HttpServerOptions = {}): RequestListener => {
  const tracer = createHttpServerTracer(options);
  return (req, res) => traceNodeExchange(tracer, req, res).run(() => handler(req, res));
};

/** A connection to a traced server, with what has arrived on it. */
async function connection(
  handler: Handler,
  serverOptions: ServerOptions = {},
  options: HttpServerOptions = {},
) {
  const server = createServer(serverOptions, traced(handler, options));
  const port = await listen(server);
  const socket = net
    .connect(port, '127.0.0.1')
    .setEncoding('latin1')
    .on('error', () => {});
  let text = '';
  socket.on('data', (chunk: string) => {
    text += chunk;
  });
  await once(socket, 'connect');
  const received = (part: string) =>
    within(
      (async () => {
        while (!text.includes(part)) await once(socket, 'data');
        return text;
      })(),
      part,
    );
  return { socket, server, received, text: () => text };
}

/** [status code, error.type] of the one span, which agree with the metric's. */
async function outcome() {
  const { attributes, status } = await spans.one();
  const error = attributes['error.type'];
  expect(status.code).toBe(error === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR);
  return [attributes['http.response.status_code'], error];
}

const GET = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345';

describe('a client that leaves', () => {
  const WAYS: [string, (socket: Socket) => unknown][] = [
    ['closes', (socket) => socket.destroy()],
    ['resets', (socket) => socket.resetAndDestroy()],
    ['sends FIN', (socket) => socket.end()],
  ];
  test.each(WAYS)('%s before the response: no status', async (_, leave) => {
    const arrived = withResolvers();
    const { socket } = await connection(() => arrived.resolve());
    socket.write(GET);
    await arrived.promise;
    leave(socket);
    expect(await outcome()).toEqual([undefined, 'client_disconnected']);
  });

  test.each(WAYS.slice(0, 2))('%s in mid-body: the status that was sent', async (_, leave) => {
    const { socket, received } = await connection((_, res) => res.writeHead(201).write('part'));
    socket.write(GET);
    await received('part');
    leave(socket);
    expect(await outcome()).toEqual([201, 'client_disconnected']);
  });

  test.each(WAYS)('%s in mid-request', async (_, leave) => {
    const arrived = withResolvers();
    const { socket } = await connection((req) => req.once('data', () => arrived.resolve()));
    socket.write(POST);
    await arrived.promise;
    leave(socket);
    expect(await outcome()).toEqual([undefined, 'client_disconnected']);
  });

  test('the handler’s answer afterwards changes nothing', async () => {
    const arrived = withResolvers<ServerResponse>();
    const { socket } = await connection((_, res) => arrived.resolve(res));
    socket.write(GET);
    const res = await arrived.promise;
    socket.destroy();
    expect(await outcome()).toEqual([undefined, 'client_disconnected']);
    res.writeHead(200).end('too late');
    expect(spans.open).toBe(0);
    expect(spans.ended).toEqual([]);
  });

  test('a pipelined request whose turn never came has no status, though its response was written', async () => {
    const first = withResolvers();
    const { socket } = await connection((req, res) => {
      if (req.url === '/2') {
        res.writeHead(200).end('second');
        first.resolve();
      }
    });
    socket.write(GET.replace('/', '/1') + GET.replace('/ ', '/2 '));
    await first.promise;
    socket.destroy();
    const ended = await spans.take(2);
    expect(
      ended.map(({ attributes }) => [attributes['http.response.status_code'], attributes['error.type']]),
    ).toEqual([
      [undefined, 'client_disconnected'],
      [undefined, 'client_disconnected'],
    ]);
  });
});

describe('this side', () => {
  test.each<[string, Handler, unknown[]]>([
    ['destroys the response', (_, res) => res.destroy(), [undefined, 'response_destroyed']],
    [
      'destroys it with an error',
      (_, res) => res.on('error', () => {}).destroy(new RangeError('x')),
      [undefined, 'RangeError'],
    ],
    [
      'destroys it after the head',
      (_, res) => {
        res.writeHead(200).write('x');
        setImmediate(() => res.destroy());
      },
      [200, 'response_destroyed'],
    ],
    ['destroys the socket', (req) => req.socket.destroy(), [undefined, 'response_destroyed']],
    ['destroys the request', (req) => req.destroy(), [undefined, 'response_destroyed']],
    ['resets the connection', (req) => req.socket.resetAndDestroy(), [undefined, 'response_destroyed']],
    [
      'streams from what fails',
      (_, res) =>
        pipeline(
          Readable.from(
            (async function* () {
              yield 'x';
              throw new RangeError('source');
            })(),
          ),
          res,
          () => {},
        ),
      [200, 'RangeError'],
    ],
  ])('%s', async (_, handler, expected) => {
    const { socket } = await connection(handler);
    socket.write(GET);
    expect(await outcome()).toEqual(expected);
  });

  test.each<[string, Handler, number]>([
    ['answers', (_, res) => res.end('x'), 200],
    ['answers with nothing', (_, res) => res.writeHead(204).end(), 204],
    ['answers 304', (_, res) => res.writeHead(304).end(), 304],
    ['streams', (_, res) => Readable.from(['a', 'b']).pipe(res), 200],
    [
      'changes the status after the head has left',
      (_, res) => {
        res.writeHead(202);
        res.flushHeaders();
        res.statusCode = 500;
        res.end();
      },
      202,
    ],
    [
      'sends early hints first',
      (_, res) => {
        res.writeEarlyHints({ link: '</a>' });
        res.writeHead(201).end();
      },
      201,
    ],
    [
      'removes every listener',
      (req, res) => {
        res.removeAllListeners();
        req.removeAllListeners();
        res.end();
      },
      200,
    ],
    [
      'ends twice',
      (_, res) => {
        res.end();
        res.end();
      },
      200,
    ],
    ['answers, and destroys the request', (req, res) => res.end('x', () => req.destroy()), 200],
  ])('%s', async (_, handler, status) => {
    const { socket } = await connection(handler);
    socket.write(GET);
    expect(await outcome()).toEqual([status, undefined]);
  });

  test('HEAD, keep-alive and pipelining: one span each, in order', async () => {
    const { socket } = await connection((_, res) => res.end('body'));
    socket.write(GET.replace('GET', 'HEAD') + GET + GET.replace('GET', 'OPTIONS'));
    expect((await spans.take(3)).map(({ name }) => name)).toEqual(['HEAD', 'GET', 'OPTIONS']);
  });

  test('100-continue', async () => {
    const { socket, received } = await connection((req, res) =>
      req.on('end', () => res.end('done')).resume(),
    );
    socket.write('POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n');
    await received('100 Continue');
    socket.write('ab');
    await received('done');
    expect(await outcome()).toEqual([200, undefined]);
  });
});

describe('time limits', () => {
  test('of the response', async () => {
    const { socket } = await connection((_, res) => res.setTimeout(5, () => res.destroy()));
    socket.write(GET);
    expect(await outcome()).toEqual([undefined, 'timeout']);
  });

  test('of the connection', async () => {
    const { socket } = await connection((req) => req.socket.setTimeout(5));
    socket.write(GET);
    expect(await outcome()).toEqual([undefined, 'timeout']);
  });

  test('of the request, which Node answers with 408', async () => {
    const { socket, received } = await connection(() => {}, {
      requestTimeout: 250,
      connectionsCheckingInterval: 5,
    } as ServerOptions);
    socket.write(POST);
    await received('408');
    expect(await outcome()).toEqual([408, undefined]);
  });
});

describe('http2', () => {
  type Http2Handler = (req: http2.Http2ServerRequest, res: http2.Http2ServerResponse) => unknown;
  async function request(handler: Http2Handler, options: HttpServerOptions = {}) {
    const tracer = createHttpServerTracer(options);
    const server = http2.createServer((req, res) =>
      traceNodeExchange(tracer, req, res).run(() => handler(req, res)),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = http2
      .connect(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}`)
      .on('error', () => {});
    const stream = client.request({ ':path': '/x?y' }).on('error', () => {});
    const close = () => {
      client.destroy();
      server.close();
    };
    return { stream, client, close };
  }

  test.each<[string, Http2Handler, unknown[]]>([
    ['answers', (_, res) => res.end('x'), [200, undefined]],
    [
      'answers with nothing',
      (_, res) => {
        res.statusCode = 204;
        res.end();
      },
      [204, undefined],
    ],
    ['streams', (_, res) => Readable.from(['a', 'b']).pipe(res), [200, undefined]],
    ['destroys the stream', (_, res) => res.stream.destroy(), [undefined, 'response_destroyed']],
    [
      'destroys it with an error',
      (_, res) => {
        res.stream.on('error', () => {});
        res.stream.destroy(new RangeError('x'));
      },
      [undefined, 'RangeError'],
    ],
    [
      'resets the stream after the head',
      (_, res) => {
        res.write('x');
        setImmediate(() => res.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR));
      },
      [200, 'response_destroyed'],
    ],
  ])('the server %s', async (_, handler, expected) => {
    const { stream, close } = await request(handler);
    stream.resume();
    expect(await outcome()).toEqual(expected);
    close();
  });

  test.each<[string, (stream: http2.ClientHttp2Stream, client: http2.ClientHttp2Session) => unknown]>([
    ['resets the stream', (stream) => stream.close(http2.constants.NGHTTP2_CANCEL)],
    ['ends the session', (_, client) => client.destroy()],
    ['cuts the connection', (_, client) => client.socket.destroy()],
  ])('the client %s, before the head and in mid-body', async (_, leave) => {
    for (const status of [undefined, 200]) {
      const arrived = withResolvers();
      const { stream, client, close } = await request((_, res) => {
        if (status) res.write('part');
        arrived.resolve();
      });
      if (status) await once(stream, 'data');
      await arrived.promise;
      leave(stream, client);
      expect(await outcome()).toEqual([status, 'client_disconnected']);
      close();
    }
  });

  test('attributes, and headers that were sent', async () => {
    const { stream, close } = await request((_, res) => res.writeHead(200, { 'x-a': '1' }).end(), {
      captureResponseHeaders: ['x-a', 'absent'],
    });
    stream.resume();
    expect((await spans.one()).attributes).toMatchObject({
      'url.path': '/x',
      'url.query': 'y',
      'network.protocol.version': '2',
      'server.address': '127.0.0.1',
      'http.response.header.x-a': ['1'],
    });
    close();
  });
});

describe('the exchange of a request', () => {
  test('is found by exchangeOf, and mounting twice changes nothing', async () => {
    const tracer = createHttpServerTracer();
    const found = withResolvers<boolean>();
    const { socket } = await connection((req, res) => {
      const exchange = exchangeOf(req);
      found.resolve(exchange !== undefined && traceNodeExchange(tracer, req, res) === exchange);
      res.end();
    });
    socket.write(GET);
    expect(await found.promise).toBe(true);
    await spans.one();
    expect(exchangeOf({})).toBeUndefined();
  });

  test('listeners on req and res run in its context, whoever registered them', async () => {
    const contexts: Record<string, boolean> = {};
    const closed = withResolvers();
    const note = (event: string) => () => {
      contexts[event] = traceHeaders().traceparent?.includes(TRACE_ID) ?? false;
    };
    const { socket } = await connection((req, res) => {
      req
        .on('data', note('data'))
        .on('end', note('end'))
        .on('end', () => res.end('x'));
      res.on('finish', note('finish')).on('close', note('close')).on('close', closed.resolve);
    });
    socket.write(`POST / HTTP/1.1\r\nhost: x\r\ntraceparent: ${TRACEPARENT}\r\ncontent-length: 2\r\n\r\nab`);
    await closed.promise;
    expect(contexts).toEqual({ data: true, end: true, finish: true, close: true });
  });

  test('the metric tells the same as the span', async () => {
    const meters = createMeters();
    const { socket } = await connection(
      (_, res) => res.destroy(),
      {},
      { meterProvider: meters.provider, activeRequests: true },
    );
    socket.write(GET);
    const error = (await outcome())[1];
    const [point] = await meters.points('http.server.request.duration');
    expect(point?.attributes['error.type']).toBe(error);
    expect(point?.attributes['http.response.status_code']).toBeUndefined();
    expect((await meters.points('http.server.active_requests')).map(({ value }) => value)).toEqual([0]);
  });

  test('what the framework says of the client is read in a guard', async () => {
    const tracer = createHttpServerTracer();
    const read = [
      () => ({ clientAddress: '192.0.2.1' }),
      () => {
        throw new Error('trust proxy');
      },
      () => undefined,
    ];
    for (const forwarded of read) {
      const port = await listen((req, res) =>
        traceNodeExchange(tracer, req, res, { forwarded }).run(() => res.end('x')),
      );
      expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('x');
    }
    expect((await spans.take(3)).map(({ attributes }) => attributes['client.address'])).toEqual([
      '192.0.2.1',
      '127.0.0.1',
      '127.0.0.1',
    ]);
  });

  test('the framework tells the route when the response is over, once', async () => {
    const tracer = createHttpServerTracer();
    let asked = 0;
    const route = () => `/asked/${++asked}`;
    const port = await listen((req, res) =>
      traceNodeExchange(tracer, req, res, { route }).run(() => res.end(String(asked))),
    );
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('0');
    expect(await spans.one()).toMatchObject({
      name: 'GET /asked/1',
      attributes: { 'http.route': '/asked/1' },
    });
  });

  test('a request whose exchange failed to be described still ends', async () => {
    const tracer = createHttpServerTracer();
    const boom = () => {
      throw new Error('no');
    };
    const port = await listen((req, res) =>
      traceNodeExchange(tracer, req, res, { route: boom }).run(() => res.end('x')),
    );
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('x');
    await spans.one();
  });
});
