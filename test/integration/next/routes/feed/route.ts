import { exchangeOf, tracedFetch, traceFetchHandler } from '@throughline/web';

/** Each part of the stream is what a call answers that is made when the part is read. */
export const GET = traceFetchHandler((request) => {
  exchangeOf(request)?.setRoute('/feed');
  const parts = Number(new URL(request.url).searchParams.get('parts'));
  let sent = 0;
  const feed = new ReadableStream({
    async pull(controller) {
      const part = await tracedFetch(`${process.env.STOCK_URL}/part`);
      controller.enqueue(new Uint8Array(await part.arrayBuffer()));
      if (++sent === parts) controller.close();
    },
  });
  return new Response(feed);
});
