import { describe, expect, test } from 'vitest';
import { watchRoute as watchKoaRoute } from '../../koa/src/served-route.ts';
import { servedRoute, watchRoute } from '../src/served-route.ts';

interface Routed {
  baseUrl?: string;
  url?: string;
  route?: { path: unknown } | undefined;
}

describe('watchRoute', () => {
  test('a route without an application is its own path; of a prefix that nothing explains the text is not shown', () => {
    const req: Routed = { baseUrl: '/things/7', url: '/parts' };
    watchRoute(req);
    req.route = { path: '/parts' };
    expect(servedRoute(req, 200)).toBe('/*/parts');
  });

  test('a route that was assigned before it came is kept', () => {
    const route = { path: '/early' };
    const req: Routed = { route };
    watchRoute(req);
    expect(req.route).toBe(route);
    expect(servedRoute(req, 200)).toBe('/early');
  });

  test('two requests do not see each other, and watching twice changes nothing', () => {
    const [first, second]: [Routed, Routed] = [{}, {}];
    watchRoute(first);
    watchRoute(second);
    first.route = { path: '/a' };
    watchRoute(first);
    expect([servedRoute(first, 200), servedRoute(second, 200)]).toEqual(['/a', undefined]);
  });

  test('touches no prototype', () => {
    const prototype = { app: {} };
    const req = Object.create(prototype) as object;
    watchRoute(req);
    expect(Reflect.ownKeys(prototype)).toEqual(['app']);
  });
});

test('servedRoute of a request that nobody watches is unknown', () => {
  expect(servedRoute({ route: { path: '/x' } }, 200)).toBeUndefined();
});

test.each([
  ['is frozen', () => Object.freeze({})],
  [
    'throws when it is read',
    () =>
      Object.defineProperty({}, 'app', {
        get() {
          throw new Error('no');
        },
      }),
  ],
])('a request that %s is left as it is', (_, create) => {
  const req = create();
  expect(() => watchRoute(req)).not.toThrow();
  expect(() => watchKoaRoute(req)).not.toThrow();
  expect(servedRoute(req, 200)).toBeUndefined();
});
