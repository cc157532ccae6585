import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConnectError, createClient, createRouterTransport, type Interceptor } from '@connectrpc/connect';
import { connectNodeAdapter, createConnectTransport } from '@connectrpc/connect-node';
import { context, propagation, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { traceClient, traceServer } from '@throughline/grpc/connect';
import { assertParent, type SpanCollector } from '@throughline/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startRecording, stopRecording } from '../../../test/conformance/recording.ts';
import { type EchoClient, service } from './connect-echo.ts';

let spans: SpanCollector;
beforeEach(() => {
  spans = startRecording();
});
afterEach(() => stopRecording(spans));

const client = () => spans.take(({ kind }) => kind === SpanKind.CLIENT);
const server = () => spans.take(({ kind, name }) => kind === SpanKind.SERVER && name.includes('Echo'));

/** Connects a client to a service in this process. */
function inMemory(implementation: object, interceptors: Interceptor[] = [traceClient()]): EchoClient {
  const transport = createRouterTransport((router) => router.service(service, implementation as never), {
    router: { interceptors: [traceServer()], writeMaxBytes: 1_000 },
    transport: { interceptors },
  });
  return createClient(service, transport) as unknown as EchoClient;
}

const options = () => ({ headers: new Headers() });

test('records the error of a handler as an exception, on both sides', async () => {
  const echo = inMemory({
    unary() {
      throw new RangeError('out of stock');
    },
  });
  await expect(echo.unary({ text: 'a' }, options())).rejects.toThrow(ConnectError);
  const [made, served] = [await client(), await server()];
  expect(served.attributes).toMatchObject({ 'rpc.status_code': 'internal', 'error.type': 'internal' });
  expect(served.events[0]?.attributes).toMatchObject({
    'exception.type': 'RangeError',
    'exception.message': 'out of stock',
  });
  expect(made.attributes['rpc.status_code']).toBe('internal');
  expect(made.events[0]?.attributes).toMatchObject({
    'exception.type': 'ConnectError',
    'exception.message': '[internal] internal error',
  });
});

test('records that a reader left a stream early', async () => {
  const echo = inMemory({
    async *serverStream() {
      for (;;) yield { text: 'more' };
    },
  });
  for await (const { text } of echo.serverStream({ text: 'a' }, options())) {
    expect(text).toBe('more');
    break;
  }
  expect((await client()).attributes['rpc.status_code']).toBe('canceled');
  expect((await server()).attributes['rpc.status_code']).toBe('canceled');
});

test('records the code that the library sends for a response that cannot be written', async () => {
  const echo = inMemory({ unary: () => ({ text: 'x'.repeat(2_000) }) });
  await expect(echo.unary({ text: 'a' }, options())).rejects.toThrow(ConnectError);
  expect((await client()).attributes['rpc.status_code']).toBe('resource_exhausted');
  expect((await server()).attributes['rpc.status_code']).toBe('resource_exhausted');
});

test('makes a span for each attempt of an interceptor that repeats calls, which sends one of each field', async () => {
  const sent: (string | null)[] = [];
  const repeating: Interceptor = (next) => async (request) => {
    try {
      return await next(request);
    } catch {
      expect([...request.header.keys()]).not.toContain('traceparent');
      return await next(request);
    }
  };
  const echo = inMemory(
    {
      unary(_: unknown, { requestHeader }: { requestHeader: Headers }) {
        sent.push(requestHeader.get('traceparent'));
        if (sent.length === 1) throw new ConnectError('again');
        return { text: 'second' };
      },
    },
    [repeating, traceClient()],
  );
  expect((await echo.unary({ text: 'a' }, options())).text).toBe('second');
  for (const traceparent of sent) {
    const [made, served] = [await client(), await server()];
    assertParent(served, made);
    expect(traceparent).toContain(made.spanContext().spanId);
    expect(traceparent).not.toContain(',');
  }
});

test('is a child of the span that an HTTP server made of the same request', async () => {
  const listener = connectNodeAdapter({
    routes: (router) =>
      router.service(service, {
        unary: () => ({ text: propagation.getActiveBaggage() ? 'kept' : '' }),
      } as never),
    interceptors: [traceServer()],
  });
  const http = createServer((req, res) => {
    const caller = propagation.extract(ROOT_CONTEXT, req.headers);
    const span = trace.getTracer('http').startSpan('POST', { kind: SpanKind.SERVER }, caller);
    res.once('close', () => span.end());
    context.with(trace.setSpan(caller, span), () => listener(req, res));
  }).listen(0, '127.0.0.1');
  await once(http, 'listening');
  const transport = createConnectTransport({
    baseUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    httpVersion: '1.1',
    interceptors: [traceClient()],
  });
  const echo = createClient(service, transport) as unknown as EchoClient;
  const baggage = propagation.createBaggage({ tenant: { value: 'blue' } });
  const answer = await context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), () =>
    echo.unary({ text: 'a' }, options()),
  );
  expect(answer.text).toBe('kept');
  http.close();
  http.closeAllConnections();
  const above = await spans.take(({ name }) => name === 'POST');
  assertParent(above, await client());
  assertParent(await server(), above);
});
