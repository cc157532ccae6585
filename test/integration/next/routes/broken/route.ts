import { exchangeOf, traceFetchHandler } from '@throughline/web';

class EmptyShelf extends Error {
  override name = 'EmptyShelf';
}

export const GET = traceFetchHandler((request) => {
  exchangeOf(request)?.setRoute('/broken');
  throw new EmptyShelf();
});
