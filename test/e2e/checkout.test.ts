import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { judge, renderTraces, type Trace } from '@throughline/trace-tree';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  type CheckoutSystem,
  type CheckoutSystemOptions,
  startCheckoutSystem,
} from '../../examples/checkout/checkout-system.ts';
import { startTraceReceiver, type TraceReceiver } from '../../examples/checkout/trace-receiver.ts';
import { edges } from './spans.ts';

const DEADLINE = 10_000;
const EDGES = [
  'gateway CLIENT > orders SERVER',
  'gateway SERVER > gateway CLIENT',
  'orders CLIENT > inventory SERVER',
  'orders CLIENT > pricing SERVER',
  'orders SERVER > orders CLIENT',
  'orders SERVER > orders CLIENT',
];

let receiver: TraceReceiver;
let system: CheckoutSystem | undefined;

async function start(options: Partial<CheckoutSystemOptions> = {}) {
  receiver = await startTraceReceiver();
  system = await startCheckoutSystem({ otlpEndpoint: receiver.url, ...options });
}

/** Nothing may be left over: whatever was received belongs to a request that reached the gateway. */
async function stop() {
  await system?.stop();
  const strays = receiver
    .traces()
    .filter((trace) => trace.tops.some(({ span }) => span.service !== 'gateway'));
  await receiver.close();
  expect(renderTraces(strays, { fancy: false, width: 120 })).toBe('');
}

interface Order {
  lines: { sku: string; currency: string; amount: number }[];
  total: number;
}

async function checkout(
  cart: string,
  init: { sku?: string; headers?: Record<string, string>; signal?: AbortSignal } = {},
) {
  const { sku = 'tea', headers, signal } = init;
  return fetch(`${system?.urls.gateway}/checkout/${cart}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ items: [{ sku, quantity: 2 }] }),
    ...(signal && { signal }),
  });
}

const isCheckoutOf = (cart: string) => (trace: Trace) =>
  trace.tops.some(({ span }) => span.attributes['url.path'] === `/checkout/${cart}`);

/** The trace of one cart, once the services named have reported and no more spans come. */
function settledTrace(cart: string, services = ['gateway', 'orders', 'inventory', 'pricing']) {
  return receiver.waitFor((traces) => {
    const trace = traces.find(isCheckoutOf(cart));
    if (!trace || !receiver.isSettled(trace.traceId)) return undefined;
    return services.every((service) => trace.services.includes(service)) ? trace : undefined;
  }, DEADLINE);
}

function find(trace: Trace, service: string, kind: string, peer?: string) {
  const span = trace.rows
    .map((row) => row.span)
    .find((one) => {
      const parent = trace.rows.find((row) => row.span.parentId === one.spanId)?.span.service;
      return one.service === service && one.kind === kind && (peer === undefined || parent === peer);
    });
  if (!span) throw new Error(`no ${kind} span of ${service}`);
  return span;
}

describe('a checkout', () => {
  beforeAll(() => start());
  afterAll(stop);

  test('is one trace through all four services', async () => {
    const answer = await checkout('whole');
    expect(answer.status).toBe(201);
    expect(await answer.json()).toMatchObject({
      cart: 'whole',
      lines: [{ sku: 'tea', amount: 900 }],
      total: 900,
    });
    const trace = await settledTrace('whole');
    expect(edges(trace)).toEqual(EDGES);
    expect(trace.tops.map(({ span }) => [span.name, span.parentId])).toEqual([
      ['POST /checkout/:cart', undefined],
    ]);
    expect(judge([trace]).connected).toBe(true);
    expect(
      trace.rows
        .filter((row) => row.span.kind === 'SERVER')
        .map((row) => row.span.name)
        .sort(),
    ).toEqual(['GET /prices/:sku', 'GET /stock/:sku', 'POST /checkout/:cart', 'POST /orders']);
  });

  test('spans have the time of their work: each call lies within the request that made it', async () => {
    await checkout('timed');
    const { rows } = await settledTrace('timed');
    const byId = new Map(rows.map(({ span }) => [span.spanId, span]));
    for (const { span } of rows) {
      const parent = byId.get(span.parentId ?? '');
      // The SDK reads a start in whole milliseconds and measures the end from it, so that two spans of one process can be
      // off by one. Two processes read their clocks apart besides.
      const tolerance = parent?.service === span.service ? 1_000 : 2_000;
      if (parent) expect(span.start).toBeGreaterThanOrEqual(parent.start - tolerance);
      if (span.kind === 'CLIENT' && parent) expect(span.end).toBeLessThanOrEqual(parent.end + tolerance);
    }
    // The stand-in for a database round trip takes 4 ms, of which a timer may cut one.
    const stock = rows.find(({ span }) => span.service === 'inventory')?.span;
    expect((stock?.end ?? 0) - (stock?.start ?? 0)).toBeGreaterThanOrEqual(3_000);
  });

  test.each([
    ['garbage', 'garbage'],
    ['a zero trace id', `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01`],
    ['a zero parent id', `00-${'1'.repeat(32)}-${'0'.repeat(16)}-01`],
    ['upper case', `00-${'AB'.repeat(16)}-${'1'.repeat(16)}-01`],
    ['a forbidden version', `ff-${'1'.repeat(32)}-${'1'.repeat(16)}-01`],
    ['8 kB', '0'.repeat(8_000)],
  ])('with a traceparent of %s is served, as a new trace', async (name, traceparent) => {
    const cart = name.replaceAll(' ', '-');
    expect((await checkout(cart, { headers: { traceparent } })).status).toBe(201);
    const trace = await settledTrace(cart);
    expect(edges(trace)).toEqual(EDGES);
    expect(trace.tops).toMatchObject([{ span: { service: 'gateway' } }]);
    expect(trace.tops[0]?.span.parentId).toBeUndefined();
    expect(traceparent.toLowerCase()).not.toContain(trace.traceId);
  });

  test('continues the trace of its caller, and baggage reaches the leaf', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const parentId = '00f067aa0ba902b7';
    const headers = {
      traceparent: `00-${traceId}-${parentId}-01`,
      tracestate: 'vendor=1',
      baggage: 'market=uk',
    };
    const order = (await (await checkout('continued', { headers })).json()) as Order;
    expect(order.lines[0]?.currency).toBe('GBP');
    const trace = await settledTrace('continued');
    expect(trace.traceId).toBe(traceId);
    expect(trace.tops.map(({ span }) => span)).toMatchObject([
      { service: 'gateway', parentId, parentRemote: true },
    ]);
    expect(edges(trace)).toEqual(EDGES);
    expect(judge([trace]).connected).toBe(true);

    const without = (await (await checkout('elsewhere')).json()) as Order;
    expect(without.lines[0]?.currency).toBe('EUR');
  });

  test('keeps 20 at the same time apart', async () => {
    const carts = Array.from({ length: 20 }, (_, i) => `cart-${i}`);
    const answers = await Promise.all(carts.map((cart) => checkout(cart)));
    expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(201));
    const traces = await Promise.all(carts.map((cart) => settledTrace(cart)));
    for (const trace of traces) {
      expect(edges(trace)).toEqual(EDGES);
      expect(trace.tops).toHaveLength(1);
    }
    expect(new Set(traces.map((trace) => trace.traceId)).size).toBe(20);
  });

  test('of an unknown sku shows who said so: 404 is an error to the caller only', async () => {
    expect((await checkout('unknown', { sku: 'nothing' })).status).toBe(422);
    const trace = await settledTrace('unknown');
    expect(edges(trace)).toEqual(EDGES);
    const notFound = { 'http.response.status_code': 404 };
    expect(find(trace, 'inventory', 'SERVER')).toMatchObject({ error: false, attributes: notFound });
    expect(find(trace, 'orders', 'CLIENT', 'inventory')).toMatchObject({ error: true, attributes: notFound });
    expect(find(trace, 'orders', 'SERVER')).toMatchObject({
      error: false,
      attributes: { 'http.response.status_code': 422, 'http.route': '/orders' },
    });
    expect(renderTraces([trace], { fancy: false, width: 120 })).toMatch(
      /inventory SERVER GET \/stock\/:sku .*<- 404\n/,
    );
  });

  test('with a body that is not an order is refused, in one trace without leaves', async () => {
    const answer = await fetch(`${system?.urls.gateway}/checkout/empty`, { method: 'POST' });
    expect(answer.status).toBe(400);
    const trace = await settledTrace('empty', ['gateway', 'orders']);
    expect(edges(trace)).toEqual(EDGES.filter((edge) => !edge.includes('orders CLIENT')));
    expect(find(trace, 'orders', 'SERVER')).toMatchObject({ error: false });
  });
});

describe('when things break', () => {
  afterEach(stop);

  test('a service that is down shows as a failed call, and as 5xx from there up', async () => {
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port } = gone.address() as AddressInfo;
    gone.close();
    await start({ addresses: { pricing: `http://127.0.0.1:${port}` } });
    expect((await checkout('1')).status).toBe(500);
    const trace = await settledTrace('1', ['gateway', 'orders', 'inventory']);
    expect(edges(trace)).toEqual(EDGES.filter((edge) => !edge.includes('pricing')));
    const failed = trace.rows.find((row) => row.uncontinued)?.span;
    expect(failed).toMatchObject({
      service: 'orders',
      error: true,
      attributes: { 'error.type': expect.any(String) },
    });
    expect(failed?.attributes).not.toHaveProperty(['http.response.status_code']);
    for (const service of ['orders', 'gateway']) {
      expect(find(trace, service, 'SERVER')).toMatchObject({
        error: true,
        attributes: { 'http.response.status_code': 500 },
      });
    }
    expect(find(trace, 'inventory', 'SERVER').error).toBe(false);
  });

  test('a customer who leaves ends the gateway span without a status, and the call behind it', async () => {
    const neverAnswers = createServer(() => {}).listen(0, '127.0.0.1');
    await once(neverAnswers, 'listening');
    const orders = `http://127.0.0.1:${(neverAnswers.address() as AddressInfo).port}`;
    try {
      await start({ addresses: { orders } });
      const leaving = new AbortController();
      const arrived = once(neverAnswers, 'request');
      const answer = checkout('1', { signal: leaving.signal });
      const [, held] = (await arrived) as [IncomingMessage, ServerResponse];
      const dropped = once(held, 'close');
      leaving.abort();
      await expect(answer).rejects.toThrow();
      await dropped;
    } finally {
      neverAnswers.close();
      neverAnswers.closeAllConnections();
    }
    const trace = await settledTrace('1', ['gateway']);
    expect(edges(trace)).toEqual(['gateway SERVER > gateway CLIENT']);
    const server = find(trace, 'gateway', 'SERVER');
    expect(server.attributes).toHaveProperty(['error.type']);
    expect(server.attributes).not.toHaveProperty(['http.response.status_code']);
    expect(find(trace, 'gateway', 'CLIENT').error).toBe(false);
  });

  test('a service killed while another waits for it leaves a trace that says so', async () => {
    await start();
    const orders = system?.pids[1] ?? 0;
    process.kill(orders, 'SIGKILL');
    expect((await checkout('1')).status).toBe(500);
    const trace = await settledTrace('1', ['gateway']);
    expect(find(trace, 'gateway', 'CLIENT').error).toBe(true);
    expect(find(trace, 'gateway', 'SERVER').error).toBe(true);
  });
});
