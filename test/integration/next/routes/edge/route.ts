import { exchangeOf, tracedFetch, traceFetchHandler } from '@throughline/web';

export const runtime = 'edge';

export const GET = traceFetchHandler(async (request) => {
  exchangeOf(request)?.setRoute('/edge');
  await tracedFetch(`${process.env.STOCK_URL}/edge`);
  return Response.json({ caller: exchangeOf(request)?.extraction });
});
