import { context, trace } from '@opentelemetry/api';
import { exchangeOf, traceFetchHandler, tracedFetch } from '@throughline/web';
export const runtime = 'edge';
export const GET = traceFetchHandler(async (request) => {
  exchangeOf(request)?.setRoute('/edge');
  const stock = await tracedFetch(`${process.env.STOCK_URL}/edge`);
  return Response.json({ stock: await stock.json(), recording: trace.getActiveSpan()?.isRecording() ?? null, caller: exchangeOf(request)?.extraction });
});
