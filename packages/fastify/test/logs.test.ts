import { Agent } from 'node:http';
import { Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { logFields } from '@throughline/core/logs';
import { tracePlugin } from '@throughline/fastify';
import { type FastifyServerOptions, fastify } from 'fastify';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

interface Line {
  readonly reqId: string;
  readonly msg: string;
  readonly span_id?: string;
  readonly req?: { readonly remotePort: number };
}

beforeAll(() => {
  trace.setGlobalTracerProvider(new TracerProvider());
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => {
  trace.disable();
  context.disable();
});

/** Fastify with its own logger; its handler answers with the id of its span. */
async function serve(options: FastifyServerOptions = {}) {
  const lines: Line[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(chunk));
      done();
    },
  });
  const app = fastify({ logger: { mixin: logFields, stream }, ...options });
  await app.register(tracePlugin, { selfCheck: 'off' });
  app.get('/', async (request) => {
    await setTimeout(Math.random() * 5);
    request.log.info('handled');
    return request.exchange?.span.spanContext().spanId;
  });
  app.get('/fails', async () => {
    throw new Error('failed');
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const of = (reqId: string) => lines.filter((line) => line.reqId === reqId);
  /** The line that Fastify writes when a response has left, which its client may see before. */
  const completed = (requests: number) =>
    expect
      .poll(() => lines.filter(({ msg }) => msg === 'request completed').length, { timeout: 5_000 })
      .toBe(requests);
  return { app, of, completed };
}

describe('the request logger of Fastify, with logFields as mixin', () => {
  it.each<[string, FastifyServerOptions]>([
    ['as it is', {}],
    [
      'with a childLoggerFactory',
      { childLoggerFactory: (logger, bindings, options) => logger.child({ ...bindings, own: 1 }, options) },
    ],
  ])('%s: “request completed” and what handlers log carry the ids', async (_, options) => {
    const { app, of, completed } = await serve(options);
    const { text } = await request(app.server).get('/').expect(200);
    await completed(1);
    expect(of('req-1').map(({ msg, span_id }) => [msg, span_id])).toEqual([
      // Written before the first hook: it shares its reqId with the others.
      ['incoming request', undefined],
      ['handled', text],
      ['request completed', text],
    ]);
    await app.close();
  });

  it('keeps requests on one socket apart', async () => {
    const { app, of, completed } = await serve();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const spanIds: string[] = [];
    for (let sent = 0; sent < 3; sent++) spanIds.push((await request(app.server).get('/').agent(agent)).text);
    await completed(3);
    agent.destroy();
    const ports = ['req-1', 'req-2', 'req-3'].map((id) => of(id)[0]?.req?.remotePort);
    expect(ports).toEqual([ports[0], ports[0], ports[0]]);
    expect(new Set(spanIds).size).toBe(3);
    for (const [index, spanId] of spanIds.entries())
      expect(of(`req-${(index + 1).toString(36)}`).map(({ span_id }) => span_id)).toEqual([
        undefined,
        spanId,
        spanId,
      ]);
    await app.close();
  });

  it('keeps concurrent requests apart', async () => {
    const { app, of, completed } = await serve();
    const ids = Array.from({ length: 20 }, (_, index) => `req-${(index + 1).toString(36)}`);
    const answers = await Promise.all(ids.map(async () => (await request(app.server).get('/')).text));
    await completed(20);
    const logged = ids.map((id) => of(id).map(({ span_id }) => span_id));
    for (const [, handled, done] of logged) expect(handled).toBe(done);
    expect(logged.map(([, handled]) => handled).sort()).toEqual([...answers].sort());
    await app.close();
  });

  it('carries the ids when a handler fails and when no route matches', async () => {
    const { app, of, completed } = await serve();
    await request(app.server).get('/fails').expect(500);
    await request(app.server).get('/nowhere').expect(404);
    await completed(2);
    for (const id of ['req-1', 'req-2']) {
      const [, ...others] = of(id);
      expect(others.map(({ span_id }) => span_id)).toEqual(
        others.map(() => expect.stringMatching(/^[0-9a-f]{16}$/)),
      );
      expect(new Set(others.map(({ span_id }) => span_id)).size).toBe(1);
    }
    await app.close();
  });
});
