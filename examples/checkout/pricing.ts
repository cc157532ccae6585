import { pbkdf2 } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { propagation } from '@opentelemetry/api';
import { exchangeOf, traceListener } from '@throughline/http';
import { startTracing } from './tracing.ts';

startTracing('pricing');

const port = Number(process.env.PORT ?? 3003);

// Only `npm run demo:hops` has discounts.
const discounts = process.env.DISCOUNTS_ADDRESS;
const discounted = discounts && (await import('./hops/discounts-client.ts')).createDiscountsClient(discounts);

const derive = promisify(pbkdf2);
const priceLists = {
  eu: {
    currency: 'EUR',
    cents: new Map([
      ['tea', 450],
      ['coffee', 890],
      ['mug', 1200],
    ]),
  },
  uk: {
    currency: 'GBP',
    cents: new Map([
      ['tea', 380],
      ['coffee', 760],
      ['mug', 1000],
    ]),
  },
};

/** Returns the prices of the market, which arrives as baggage from the caller of the gateway. No service in between uses it. */
function priceList() {
  const market = propagation.getActiveBaggage()?.getEntry('market')?.value;
  return market === 'uk' ? priceLists.uk : priceLists.eu;
}

async function handle(req: IncomingMessage, res: ServerResponse) {
  const [, sku] = /^\/prices\/([\w-]+)$/.exec(req.url ?? '') ?? [];
  if (req.method !== 'GET' || sku === undefined) return send(res, 404, { error: 'no such page' });
  exchangeOf(req)?.setRoute('/prices/:sku');

  const { currency, cents } = priceList();
  const listed = cents.get(sku);
  if (listed === undefined) return send(res, 404, { error: 'no such sku' });
  const price = discounted ? await discounted(listed) : listed;
  // The quote is sealed, so that a later order can be checked against it.
  const seal = await derive(`${sku}:${price}:${currency}`, 'demo', 5_000, 16, 'sha256');
  send(res, 200, { sku, cents: price, currency, seal: seal.toString('hex') });
}

function send(res: ServerResponse, status: number, body: object) {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

createServer(traceListener(handle)).listen(port, '127.0.0.1', () =>
  console.log(`pricing listening on http://127.0.0.1:${port}`),
);
