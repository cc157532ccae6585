import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { tracedFetch } from '@throughline/fetch';
import { traceListener } from '@throughline/http';
import { traceEmitter, traceHandler, withTraceContext } from '@throughline/messaging/cloudevents';
import { createPropagator } from '@throughline/propagators';
import { assertParent, createSpanCollector } from '@throughline/testing';
import { CloudEvent, emitterFor, HTTP, Mode } from 'cloudevents';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';

const spans = createSpanCollector();
const handled: unknown[] = [];
const requests: IncomingHttpHeaders[] = [];
let server: Server;
let url = '';

const handle = traceHandler(async (event: CloudEvent<unknown>) => {
  await new Promise(setImmediate);
  handled.push(event.data, propagation.getActiveBaggage()?.getEntry('tenant')?.value);
});

beforeAll(async () => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(createPropagator('tracecontext,baggage'));
  server = createServer(
    traceListener(async (request, response) => {
      requests.push(request.headers);
      const { headers } = request;
      await handle(HTTP.toEvent({ headers, body: await text(request) }) as CloudEvent<unknown>);
      response.end();
    }),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterAll(() => {
  server.close();
});

afterEach(() => {
  spans.assertClean();
  handled.length = 0;
  requests.length = 0;
});

it.each([Mode.BINARY, Mode.STRUCTURED])(
  'keeps the creation of an event apart from its transport, %s',
  async (mode) => {
    const emit = traceEmitter(
      emitterFor(
        async (message) => {
          const headers = message.headers as Record<string, string>;
          const response = await tracedFetch(url, { method: 'POST', headers, body: String(message.body) });
          await response.text();
        },
        { binding: HTTP, mode },
      ),
    );
    const event = new CloudEvent({ type: 'order.paid', source: '/orders', data: { order: 7 } });
    const baggage = propagation.createBaggage({ tenant: { value: 'acme' } });
    await context.with(propagation.setBaggage(context.active(), baggage), () => emit(event));

    expect(handled).toEqual([{ order: 7 }, 'acme']);
    expect(event).not.toHaveProperty('traceparent');
    const created = await spans.take(({ name }) => name === 'send order.paid');
    const hop = await spans.take(({ name, kind }) => name === 'POST' && kind === 2);
    const request = await spans.take(({ name }) => name === 'POST');
    const process = await spans.take(({ name }) => name === 'process order.paid');
    assertParent(hop, created);
    assertParent(request, hop);
    assertParent(process, request);
    expect(process.links.map((link) => link.context.spanId)).toEqual([created.spanContext().spanId]);
    // The header is the hop's own; the attribute is elsewhere.
    expect(requests[0]?.traceparent).toContain(hop.spanContext().spanId);
    const { traceId, spanId } = created.spanContext();
    const attribute = mode === Mode.BINARY ? `00-${traceId}-${spanId}-01` : undefined;
    expect(requests[0]?.['ce-traceparent']).toBe(attribute);
  },
);

it('makes events of the package that it can clone, and keeps binary data', () => {
  const span = trace.getTracer('test').startSpan('caller');
  const event = context.with(trace.setSpan(context.active(), span), () =>
    withTraceContext(
      new CloudEvent({ type: 't', source: '/', data: new Uint8Array([1, 2]), tracestate: 'stale=1' }),
    ),
  );
  span.end();
  expect(event).toBeInstanceOf(CloudEvent);
  expect(Object.isFrozen(event)).toBe(true);
  const { traceparent } = JSON.parse(HTTP.structured(event).body as string);
  expect(traceparent).toContain(span.spanContext().spanId);
  expect(HTTP.binary(event).headers).toMatchObject({ 'ce-traceparent': traceparent });
  expect(HTTP.binary(event).headers).not.toHaveProperty('ce-tracestate');
  expect(event.data).toEqual(new Uint8Array([1, 2]));
  expect(withTraceContext(event)).toBe(event);
  spans.reset();
});
