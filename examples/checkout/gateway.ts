import { traceContext, tracedFetch, traceErrors } from '@throughline/express';
import express from 'express';
import { startTracing } from './tracing.ts';

startTracing('gateway');

const port = Number(process.env.PORT ?? 3000);
const ordersUrl = process.env.ORDERS_URL ?? 'http://127.0.0.1:3001';

const app = express();
app.use(traceContext());
app.use(express.json());

app.post('/checkout/:cart', async (req, res) => {
  // If the customer leaves, the work behind the gateway is cancelled, too.
  const left = new AbortController();
  res.on('close', () => left.abort());

  const answer = await tracedFetch(`${ordersUrl}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ cart: req.params.cart, items: req.body?.items }),
    signal: left.signal,
  });
  res.status(answer.status).json(await answer.json());
});

app.use(traceErrors());

app.listen(port, '127.0.0.1', () => console.log(`gateway listening on http://127.0.0.1:${port}`));
