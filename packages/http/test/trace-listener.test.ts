import { once } from 'node:events';
import { createServer, get, request as post } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { exchangeOf, traceListener } from '@throughline/http';
import { createSpanCollector } from '@throughline/testing';
import request from 'supertest';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const spans = createSpanCollector();

/** A promise to be resolved from outside. */
function gate<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

beforeAll(() => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterEach(() => spans.assertClean());
afterAll(() => {
  trace.disable();
  context.disable();
});

describe('traceListener()', () => {
  it('gives the listener the span of its request, active and through exchangeOf', async () => {
    const server = createServer(
      traceListener((req, res) => {
        exchangeOf(req)?.setRoute('/items/:id');
        expect(trace.getActiveSpan()).toBe(exchangeOf(req)?.span);
        res.end(trace.getActiveSpan()?.spanContext().spanId);
      }),
    );

    const answer = await request(server).get('/items/7').expect(200);

    const span = await spans.take(({ name }) => name === 'GET /items/:id');
    expect(span.spanContext().spanId).toBe(answer.text);
  });

  it('serves as listener of checkContinue as well', async () => {
    const listener = traceListener((req, res) => {
      res.writeContinue();
      req.resume().on('end', () => res.end('continued'));
    });
    const server = createServer().on('checkContinue', listener);

    await once(server.listen(0), 'listening');
    const client = post({
      port: (server.address() as AddressInfo).port,
      method: 'POST',
      headers: { Expect: '100-continue' },
    });
    client.flushHeaders();
    await once(client, 'continue');
    client.end('body');
    const [response] = await once(client, 'response');
    expect(await text(response)).toBe('continued');
    server.close();

    const span = await spans.take(({ name }) => name === 'POST');
    expect(span.attributes['http.response.status_code']).toBe(200);
  });

  it('has ended the span when Node tells of a client that left', async () => {
    const recording = gate<boolean | undefined>();
    const arrived = gate<void>();
    const server = createServer(
      traceListener((req, res) => {
        res.on('close', () => recording.resolve(exchangeOf(req)?.span.isRecording()));
        arrived.resolve();
      }),
    );
    await once(server.listen(0), 'listening');
    const client = get({ port: (server.address() as AddressInfo).port }).on('error', () => {});
    await arrived.promise;
    client.destroy();

    expect(await recording.promise).toBe(false);

    const span = await spans.take(({ name }) => name === 'GET');
    expect(span.attributes['error.type']).toBe('client_disconnected');
    server.close();
  });

  it('leaves an upgrade to whoever listens for it', async () => {
    const server = createServer(traceListener((_req, res) => res.end('not upgraded'))).on(
      'upgrade',
      (_req, socket) =>
        socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'),
    );
    server.listen(0);

    await once(server, 'listening');
    const client = get({
      port: (server.address() as AddressInfo).port,
      headers: { Connection: 'Upgrade', Upgrade: 'echo' },
    });
    const [response, socket] = await once(client, 'upgrade');
    socket.destroy();

    expect(response.statusCode).toBe(101);
    expect(spans.open()).toEqual([]);
    server.close();
  });

  it('names the function and the option when it is set up with a wrong one', () => {
    expect(() => traceListener(() => {}, { ignore: '/health' as never })).toThrow(
      new TypeError(
        "[throughline/http] traceListener(): options.ignore must be a function, got string '/health'",
      ),
    );
    expect(() => traceListener('listener' as never)).toThrow(
      new TypeError('[throughline/http] traceListener(): listener must be a function, got string'),
    );
  });
});
