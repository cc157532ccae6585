import { setTimeout as delay } from 'node:timers/promises';
import Router from '@koa/router';
import { traceContext } from '@throughline/koa';
import Koa from 'koa';
import { startTracing } from './tracing.ts';

startTracing('inventory');

const port = Number(process.env.PORT ?? 3002);

// Only `npm run demo:hops` has a warehouse.
const warehouse = process.env.WAREHOUSE_ADDRESS;
const countFree = warehouse && (await import('./hops/warehouse-client.ts')).createWarehouseClient(warehouse);

const stock = new Map([
  ['tea', 120],
  ['coffee', 40],
  ['mug', 7],
]);

const router = new Router();
router.get('/stock/:sku', async (ctx) => {
  // Stands in for the round trip to a database.
  await delay(4);
  const { sku = '' } = ctx.params;
  const booked = stock.get(sku);
  if (booked === undefined) return ctx.throw(404, `no such sku: ${sku}`);
  const available = countFree ? await countFree(sku, booked) : booked;
  ctx.body = { sku, available };
});

const app = new Koa();
// An unknown sku is an answer, not an incident. Only errors that Koa answers with 500 are logged.
app.on('error', (error) => {
  if (!error.expose) console.error(error);
});
app.use(traceContext());
app.use(router.routes());
app.listen(port, '127.0.0.1', () => console.log(`inventory listening on http://127.0.0.1:${port}`));
