import { once } from 'node:events';
import { Agent, createServer, type RequestListener, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { type LogFields, logFields } from '@throughline/core/logs';
import { exchangeOf, traceContext } from '@throughline/express';
import express from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

beforeAll(() => {
  trace.setGlobalTracerProvider(new TracerProvider());
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => {
  trace.disable();
  context.disable();
});

const lines: LogFields[] = [];
const log = () => void lines.push(logFields());

/** Logs in the handler, after an await, in a listener of the body, and when the response is over. */
function listener(): RequestListener {
  const app = express().use(traceContext({ selfCheck: 'off' }));
  app.post('/', async (req, res) => {
    log();
    res.on('finish', log);
    await setTimeout(Math.random() * 5);
    log();
    req.on('end', () => {
      log();
      res.send(exchangeOf(req)?.span.spanContext().spanId);
    });
    req.resume();
  });
  return app;
}

describe('logFields in Express', () => {
  it.each([
    ['one after the other on one socket', 1],
    ['at the same time', 10],
  ])('requests %s: each line carries the ids of its own', async (_, sockets) => {
    lines.length = 0;
    const server = createServer(listener()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const agent = new Agent({ keepAlive: true, maxSockets: sockets });
    const { port } = server.address() as AddressInfo;
    const answers = Array.from({ length: 10 }, async () => {
      const sent = request({ port, host: '127.0.0.1', method: 'POST', agent }).end('body');
      const [response] = await once(sent, 'response');
      return (await response.setEncoding('utf8').toArray()).join('') as string;
    });
    const spanIds = (await Promise.all(answers)).sort();
    await expect.poll(() => lines.length, { timeout: 5_000 }).toBe(10 * 4);
    expect(new Set(spanIds).size).toBe(10);
    const logged = spanIds.map((id) => lines.filter(({ span_id }) => span_id === id).length);
    expect(logged).toEqual(spanIds.map(() => 4));
    agent.destroy();
    server.close();
  });
});
