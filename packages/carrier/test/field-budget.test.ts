import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Context, ROOT_CONTEXT, type TextMapPropagator } from '@opentelemetry/api';
import { extractContext, injectContext } from '@throughline/core';
import { Scope } from '@throughline/core/seam';
import { createMessagingTracer, headersCodec } from '@throughline/messaging';
import { expect, test } from 'vitest';
import { TRACEPARENT } from '../../core/test/sdk.ts';

const list = (name: string, count: number, length: number) =>
  Array.from({ length: count }, (_, at) => `${name}${at}=${'v'.repeat(length)}`).join(',');

/** A set of propagators of another make, each with a limit of its own and none with the sum in mind. */
const generous: TextMapPropagator = {
  fields: () => ['traceparent', 'tracestate', 'baggage'],
  extract: () => ROOT_CONTEXT,
  inject(_, carrier, setter) {
    setter.set(carrier, 'traceparent', TRACEPARENT);
    for (let at = 0; at < 64; at++) setter.set(carrier, `uberctx-${at}`, 'v'.repeat(110));
    setter.set(carrier, 'tracestate', list('t', 32, 200));
    setter.set(carrier, 'baggage', list('b', 80, 150));
  },
};

const CASES: [string, TextMapPropagator | undefined, Context][] = [
  ['propagators of another make', generous, ROOT_CONTEXT],
  [
    'fields that are passed on because no SDK is registered',
    undefined,
    extractContext({ traceparent: TRACEPARENT, tracestate: list('t', 32, 150), baggage: list('b', 70, 150) }),
  ],
];

test.each(CASES)('%s leave room for the application’s own headers', async (_, propagator, context) => {
  const server = createServer((incoming, response) => response.end(JSON.stringify(incoming.headers)));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const sent = request({ host: '127.0.0.1', port, headers: { 'x-own': 'o'.repeat(3000) } });
  injectContext(sent, { context, ...(propagator && { propagator }) });
  sent.end();
  const [answer] = await once(sent, 'response');
  expect(answer.statusCode).toBe(200);
  const headers = JSON.parse((await answer.toArray()).join('')) as Record<string, string>;
  server.close();
  expect(headers.traceparent).toBe(TRACEPARENT);
  expect(headers.baggage?.length).toBeGreaterThan(8192 - 160);
  expect(headers.baggage?.length).toBeLessThanOrEqual(8192);
  for (const member of headers.baggage?.split(',') ?? []) expect(member).toMatch(/^b\d+=v{150}$/);
  for (const member of headers.tracestate?.split(',') ?? []) expect(member).toMatch(/^t\d+=v{150,200}$/);
});

test('messages have the same budget', async () => {
  const tracer = createMessagingTracer(
    { system: 'test', codec: headersCodec },
    { propagator: generous },
    new Scope('core', 'test()'),
  );
  const sent = await tracer.send({ destination: 'q', carrier: {} }, (carrier) => carrier);
  const bytes = Object.entries(sent as object).reduce(
    (sum, [name, value]) => sum + name.length + value.length + 4,
    0,
  );
  expect(bytes).toBeGreaterThan(11_000);
  expect(bytes).toBeLessThanOrEqual(12_288);
});
