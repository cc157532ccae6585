import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { tracePlugin } from '@throughline/fastify';
import { assertErrorType, createSpanCollector } from '@throughline/testing';
import { type FastifyInstance, fastify } from 'fastify';
import request from 'supertest';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const spans = createSpanCollector();

beforeAll(() => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterEach(() => spans.assertClean());
afterAll(() => {
  trace.disable();
  context.disable();
});

/** A promise to be resolved from outside. */
function gate<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

const activeSpanId = () => trace.getActiveSpan()?.spanContext().spanId;

/** Hooks that see an ordinary request, with the number of arguments before the callback. */
const HOOKS = [
  ['onRequest', 2],
  ['preParsing', 3],
  ['preValidation', 2],
  ['preHandler', 2],
  ['preSerialization', 3],
  ['onSend', 3],
  ['onResponse', 2],
] as const;

describe('the span is active in every hook', () => {
  it.each(['callback', 'async'] as const)('in %s style', async (style) => {
    const seen = new Map<string, string | undefined>();
    const app = fastify();
    await app.register(tracePlugin);
    for (const [hook, args] of HOOKS) {
      const note = () => void seen.set(hook, activeSpanId());
      const add = app.addHook.bind(app) as (name: string, fn: unknown) => void;
      if (style === 'async')
        add(hook, async () => {
          await null;
          note();
        });
      else if (args === 2)
        add(hook, (_request: unknown, _reply: unknown, done: () => void) => {
          note();
          setImmediate(done);
        });
      else
        add(
          hook,
          (_request: unknown, _reply: unknown, payload: unknown, done: (e: null, p: unknown) => void) => {
            note();
            setImmediate(done, null, payload);
          },
        );
    }
    app.post('/', async () => ({ handled: activeSpanId() }));

    const response = await app.inject({ method: 'POST', url: '/', payload: { some: 'body' } });

    const span = await spans.take(({ name }) => name === 'POST /');
    const id = span.spanContext().spanId;
    expect(response.json()).toEqual({ handled: id });
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(HOOKS.map(([hook]) => [hook, id])));
    await app.close();
  });

  it('in onError, in the error handler and in the not-found handler', async () => {
    const seen: (string | undefined)[] = [];
    const app = fastify();
    await app.register(tracePlugin);
    app.addHook('onError', async () => void seen.push(activeSpanId()));
    app.setErrorHandler((_error, _request, reply) => {
      seen.push(activeSpanId());
      reply.status(503).send('later');
    });
    app.setNotFoundHandler((_request, reply) => {
      seen.push(activeSpanId());
      reply.status(404).send('nowhere');
    });
    app.get('/fails', async () => {
      throw new Error('busy');
    });

    await app.inject('/fails');
    await app.inject('/elsewhere');

    const failed = await spans.take(({ name }) => name === 'GET /fails');
    const unrouted = await spans.take(({ name }) => name === 'GET');
    assertErrorType(failed, '503');
    assertErrorType(unrouted, undefined);
    const [first, second] = [failed.spanContext().spanId, unrouted.spanContext().spanId];
    expect(seen.filter((id) => id === first).length).toBeGreaterThanOrEqual(2);
    expect(seen.at(-1)).toBe(second);
    expect(unrouted.attributes).not.toHaveProperty('http.route');
    await app.close();
  });

  it('in onRequestAbort, and the span says that the client left', async () => {
    const app = fastify();
    await app.register(tracePlugin);
    const aborted = gate<string | undefined>();
    const arrived = gate<void>();
    app.addHook('onRequestAbort', async (_request) => aborted.resolve(activeSpanId()));
    app.get('/slow', (_request, _reply) => {
      arrived.resolve();
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
    socket.write('GET /slow HTTP/1.1\r\nHost: here\r\n\r\n');
    await arrived.promise;
    socket.destroy();

    const id = await aborted.promise;

    const span = await spans.take(({ name }) => name === 'GET /slow');
    expect(id).toBe(span.spanContext().spanId);
    assertErrorType(span, 'client_disconnected');
    expect(span.attributes).not.toHaveProperty('http.response.status_code');
    await app.close();
  });
});

describe('the span is active and ends with the response', () => {
  it('in a content-type parser of one’s own', async () => {
    const app = fastify();
    await app.register(tracePlugin);
    app.addContentTypeParser('text/csv', (_request, payload, done) => {
      let text = '';
      payload.on('data', (chunk) => {
        text += chunk;
      });
      payload.on('end', () => done(null, { text, parsedIn: activeSpanId() }));
    });
    app.post('/', async ({ body }) => body);
    await app.ready();

    const { body } = await request(app.server).post('/').type('text/csv').send('a,b').expect(200);

    const span = await spans.take(({ name }) => name === 'POST /');
    expect(body).toEqual({ text: 'a,b', parsedIn: span.spanContext().spanId });
    await app.close();
  });

  it('when validation refuses the request: a 400 is the caller’s fault', async () => {
    const app = fastify();
    await app.register(tracePlugin);
    const schema = { body: { type: 'object', required: ['sku'], properties: { sku: { type: 'string' } } } };
    app.post('/', { schema }, async () => 'never');

    expect((await app.inject({ method: 'POST', url: '/', payload: {} })).statusCode).toBe(400);

    const span = await spans.take(({ name }) => name === 'POST /');
    assertErrorType(span, undefined);
    expect(span.events).toEqual([]);
    await app.close();
  });

  it('when the reply is hijacked, or a stream', async () => {
    const app = fastify();
    await app.register(tracePlugin);
    app.get('/hijacked', (_request, reply) => {
      reply.hijack();
      setImmediate(() => reply.raw.end(activeSpanId()));
    });
    app.get('/stream', async () =>
      Readable.from(
        (async function* () {
          yield 'first ';
          await new Promise((resolve) => setImmediate(resolve));
          yield 'last';
        })(),
      ),
    );
    await app.ready();

    const { text } = await request(app.server).get('/hijacked').expect(200);
    await request(app.server).get('/stream').expect(200, 'first last');

    const hijacked = await spans.take(({ name }) => name === 'GET /hijacked');
    expect(text).toBe(hijacked.spanContext().spanId);
    assertErrorType(await spans.take(({ name }) => name === 'GET /stream'), undefined);
    await app.close();
  });

  it('in encapsulated contexts, with their prefixes in the route', async () => {
    const app = fastify();
    await app.register(tracePlugin);
    const tenant = async (scope: FastifyInstance) => {
      scope.addHook('preHandler', async (request) => {
        expect(activeSpanId()).toBe(request.exchange?.span.spanContext().spanId);
      });
      scope.get('/users/:id', async () => 'user');
    };
    await app.register(tenant, { prefix: '/tenants/:tenantId' });

    expect((await app.inject('/tenants/42/users/7')).body).toBe('user');

    await spans.take(({ name }) => name === 'GET /tenants/:tenantId/users/:id');
    await app.close();
  });

  it('over HTTP/2', async () => {
    const app = fastify({ http2: true });
    await app.register(tracePlugin);
    app.get('/items/:id', async () => activeSpanId());
    await app.listen({ port: 0, host: '127.0.0.1' });
    const client = connectHttp2(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);
    const stream = client.request({ ':path': '/items/7' }).setEncoding('utf8');
    let text = '';
    stream.on('data', (chunk) => {
      text += chunk;
    });
    await once(stream, 'end');

    const span = await spans.take(({ name }) => name === 'GET /items/:id');
    expect(text).toBe(span.spanContext().spanId);
    expect(span.attributes['network.protocol.version']).toBe('2');
    client.close();
    await app.close();
  });
});
