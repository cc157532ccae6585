// app/items/[id]/route.ts
import { exchangeOf, traceFetchHandler, tracedFetch } from '@throughline/web';

export const GET = traceFetchHandler(async (request, { params }: { params: Promise<{ id: string }> }) => {
  exchangeOf(request)?.setRoute('/items/[id]');
  const { id } = await params;
  const stock = await tracedFetch(`${process.env.STOCK_URL}/${id}`);
  return Response.json({ item: id, stock: await stock.json() });
});
