import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CheckoutSystem, startCheckoutSystem } from '../../examples/checkout/checkout-system.ts';
import { type Collector, type Jaeger, startCollector, startJaeger } from './back-ends.ts';
import { describeWith } from './describe-with.ts';
import { COLLECTOR, JAEGER } from './recipes.ts';
import { treeOf } from './span-tree.ts';

const CHECKOUT = [
  'gateway SERVER POST /checkout/:cart',
  ' gateway CLIENT POST',
  '  orders SERVER POST /orders',
  '   orders CLIENT GET',
  '    inventory SERVER GET /stock/:sku',
  '   orders CLIENT GET',
  '    pricing SERVER GET /prices/:sku',
];

await describeWith([COLLECTOR, JAEGER], 'the checkout demo', (collectorProgram = '', jaegerProgram = '') => {
  let jaeger: Jaeger | undefined;
  let collector: Collector | undefined;
  let system: CheckoutSystem | undefined;

  beforeAll(async () => {
    jaeger = await startJaeger(jaegerProgram);
    collector = await startCollector(collectorProgram, { jaeger: jaeger.otlp });
    system = await startCheckoutSystem({ otlpEndpoint: collector.otlp });
  });

  afterAll(async () => {
    await system?.stop();
    await collector?.stop();
    await jaeger?.stop();
    await collector?.remove();
  });

  test('a checkout is the same tree in the Collector’s file and in Jaeger', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const answer = await fetch(`${system?.urls.gateway}/checkout/42`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
      body: JSON.stringify({ items: [{ sku: 'tea', quantity: 2 }] }),
      signal: AbortSignal.timeout(20_000),
    });
    expect(answer.status).toBe(201);
    await answer.arrayBuffer();
    // In this order each hands everything on before it ends.
    await system?.stop();
    await collector?.stop();

    const written = await collector?.writtenSpans();
    expect(sortCalls(treeOf(written ?? []))).toEqual(CHECKOUT);
    expect(new Set(written?.map((span) => span.traceId))).toEqual(new Set([traceId]));
    expect(sortCalls(treeOf((await jaeger?.spansOf(traceId)) ?? []))).toEqual(CHECKOUT);
  });
});

/** Stock and price are asked at the same time: either may have been first. */
function sortCalls(tree: string[]): string[] {
  const [stock = '', price = ''] = CHECKOUT.filter((line) => line.startsWith('    '));
  const [first, second] = [tree.indexOf(stock), tree.indexOf(price)];
  return first < second ? tree : tree.with(second, stock).with(first, price);
}
