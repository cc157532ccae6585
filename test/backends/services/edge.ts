import { exchangeOf, tracedFetch, traceListener } from '@throughline/http';

/** A service at the border: callers are not believed, so their traces are linked to and new ones begin here. */
export function edgeListener() {
  return traceListener(
    async (req, res) => {
      exchangeOf(req)?.setRoute('/outside');
      const answer = await tracedFetch(`${process.env.FRONT_URL}/items/7`);
      res.writeHead(answer.status).end(await answer.text());
    },
    { trust: 'restart' },
  );
}
