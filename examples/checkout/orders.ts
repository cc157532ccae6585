import { randomUUID } from 'node:crypto';
import { tracedFetch, tracePlugin } from '@throughline/fastify';
import Fastify from 'fastify';
import { startTracing } from './tracing.ts';

startTracing('orders');

const port = Number(process.env.PORT ?? 3001);
const inventoryUrl = process.env.INVENTORY_URL ?? 'http://127.0.0.1:3002';
const pricingUrl = process.env.PRICING_URL ?? 'http://127.0.0.1:3003';

// Only `npm run demo:queue` has a broker, and installs its client, so the compiler must not follow this import.
const rabbitmqUrl = process.env.RABBITMQ_URL;
const announcer = './queue/order-announcer.ts';
const announce = rabbitmqUrl && (await (await import(announcer)).createAnnouncer(rabbitmqUrl));

interface Item {
  sku: string;
  quantity: number;
}

const orderSchema = {
  body: {
    type: 'object',
    required: ['cart', 'items'],
    properties: {
      cart: { type: 'string' },
      items: {
        type: 'array',
        minItems: 1,
        items: {
          type: 'object',
          required: ['sku', 'quantity'],
          properties: { sku: { type: 'string' }, quantity: { type: 'integer', minimum: 1 } },
        },
      },
    },
  },
};

const app = Fastify();
await app.register(tracePlugin);

app.post<{ Body: { cart: string; items: Item[] } }>(
  '/orders',
  { schema: orderSchema },
  async (request, reply) => {
    const { cart, items } = request.body;
    const lines = await Promise.all(items.map(orderLine));
    const refused = lines.filter((line) => 'problem' in line);
    if (refused.length > 0) return reply.code(422).send({ cart, refused });

    const total = lines.reduce((sum, line) => sum + ('amount' in line ? line.amount : 0), 0);
    const order = randomUUID();
    await announce?.({ order, cart, total });
    return reply.code(201).send({ order, cart, lines, total });
  },
);

async function orderLine({ sku, quantity }: Item) {
  const [stock, price] = await Promise.all([
    tracedFetch(`${inventoryUrl}/stock/${encodeURIComponent(sku)}`),
    tracedFetch(`${pricingUrl}/prices/${encodeURIComponent(sku)}`),
  ]);
  if (stock.status === 404 || price.status === 404) return { sku, problem: 'unknown' };
  if (!stock.ok || !price.ok) throw new Error(`stock answered ${stock.status}, pricing ${price.status}`);

  const { available } = (await stock.json()) as { available: number };
  if (available < quantity) return { sku, problem: `only ${available} left` };
  const { cents, currency } = (await price.json()) as { cents: number; currency: string };
  return { sku, quantity, amount: cents * quantity, currency };
}

await app.listen({ port, host: '127.0.0.1' });
console.log(`orders listening on http://127.0.0.1:${port}`);
