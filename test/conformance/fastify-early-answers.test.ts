import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { trace } from '@opentelemetry/api';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { tracePlugin } from '@throughline/fastify';
import { createSpanCollector } from '@throughline/testing';
import type { FastifyInstance, FastifyServerOptions, fastify } from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';

const spans = createSpanCollector();
beforeAll(() => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
});
afterEach(() => spans.assertClean());
afterAll(() => trace.disable());

const require = createRequire(import.meta.url);

interface EarlyAnswer {
  readonly title: string;
  readonly options?: FastifyServerOptions;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly status: number;
  readonly route?: string;
  readonly urlPath?: string;
}

const frameworkErrors: FastifyServerOptions['frameworkErrors'] = (error, _request, reply) => {
  reply.raw.writeHead(422).end(error.code);
};

const EARLY: readonly EarlyAnswer[] = [
  { title: 'a path that cannot be decoded', path: '/x/%zz', status: 400 },
  { title: 'the same, with an own answer', path: '/x/%zz', options: { frameworkErrors }, status: 422 },
  { title: 'no route', path: '/none', status: 404 },
  { title: 'no route below a prefix with its own answer', path: '/sub/none', status: 410 },
  { title: 'a version that no route has', path: '/v', headers: { 'accept-version': '9.x' }, status: 404 },
  { title: 'a parameter that is too long', path: `/x/${'a'.repeat(300)}`, status: 404 },
  {
    title: 'a path that was rewritten',
    path: '/old/7',
    options: { rewriteUrl: (req) => req.url?.replace('/old', '/x') ?? '/' },
    status: 200,
    route: '/x/:id',
  },
];

async function served(app: FastifyInstance, path: string, headers: Record<string, string> = {}) {
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  try {
    const [res] = (await once(get({ host: '127.0.0.1', port, path, headers }), 'response')) as [
      IncomingMessage,
    ];
    res.resume();
    await once(res, 'end');
    return res.statusCode;
  } finally {
    app.server.closeAllConnections();
    await app.close();
  }
}

describe.each(['fastify', 'fastify4'])('%s', (name) => {
  const { fastify: createApp } = require(name) as { fastify: typeof fastify };

  test.each(EARLY)('one span for $title', async ({ options, path, headers, status, route }) => {
    const app = createApp({ ...options }) as FastifyInstance;
    await app.register(tracePlugin);
    app.get('/x/:id', async () => 'ok');
    app.get('/v', { constraints: { version: '1.0.0' } }, async () => 'ok');
    await app.register(
      async (sub) => sub.setNotFoundHandler((_request, reply) => void reply.code(410).send()),
      { prefix: '/sub' },
    );
    const answered = await served(app, path, headers);
    const { attributes } = await spans.take();
    expect(attributes['url.path']).toBe(path);
    expect(attributes['http.route']).toBe(route);
    // 4xx of a length differ between the majors; what left is what the span says.
    expect(attributes['http.response.status_code']).toBe(answered);
    if (!path.includes('aaa')) expect(answered).toBe(status);
  });

  test('one span for a request that comes while it closes', async () => {
    const app = createApp() as FastifyInstance;
    await app.register(tracePlugin);
    let second: () => void = () => {};
    let closed: Promise<unknown> | undefined;
    app.get('/close', async () => {
      closed = app.close();
      // Fastify refuses what comes once its closing has got to the routes.
      await vi.waitFor(() => expect(app.server.listening).toBe(false));
      second();
      await once(app.server, 'request');
      return 'ok';
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
    second = () => socket.write('GET /late HTTP/1.1\r\nHost: a\r\n\r\n');
    socket.write('GET /close HTTP/1.1\r\nHost: a\r\n\r\n');
    const answers = await text(socket);
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 503']);
    await closed;
    const late = await spans.take(({ attributes }) => attributes['url.path'] === '/late');
    expect(late.attributes['http.response.status_code']).toBe(503);
    await spans.take();
  });

  test('of an encapsulated plugin, other routes are none of its business', async () => {
    const app = createApp() as FastifyInstance;
    await app.register(async (sub) => {
      await sub.register(tracePlugin);
      sub.get('/inside', async () => 'ok');
    });
    app.get('/outside', (_request, reply) => void reply.send('ok'));
    expect(await served(app, '/outside')).toBe(200);
    expect(spans.ended()).toEqual([]);
  });

  test('ignored requests stay ignored', async () => {
    const app = createApp() as FastifyInstance;
    await app.register(tracePlugin, { ignore: () => true });
    app.get('/x/:id', async () => 'ok');
    expect(await served(app, '/x/%zz')).toBe(400);
    expect(spans.ended()).toEqual([]);
  });
});
