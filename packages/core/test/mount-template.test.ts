import { matchedRoute, templateOf, watchMounts } from '@throughline/core/node';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

describe('templateOf', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['/tenants/acme', { tenantId: 'acme' }, '/tenants/:tenantId'],
    ['/tenants/acme/users', { tenantId: 'acme' }, '/tenants/:tenantId/users'],
    ['/a/1/b/2', { x: '1', y: '2' }, '/a/:x/b/:y'],
    ['/users/users', { name: 'users' }, '/users/:name'],
    ['/api', {}, '/api'],
    ['/api', { id: '7' }, '/api'],
    ['/a%20b', { name: 'a b' }, '/:name'],
    ['/files/a/b/c', { path: ['a', 'b', 'c'] }, '/files/*path'],
    ['/1/1', { a: '1', b: '1' }, '/:a/:b'],
    ['/x/1', { a: undefined, b: '1' }, '/x/:b'],
    ['', {}, ''],
    ['/', {}, '/'],
  ])('%s with %j', (text, params, template) => expect(templateOf(text, params)).toBe(template));

  test('never shows the value of a parameter that is a whole segment', () => {
    const segment = fc.stringMatching(/^[a-z0-9]{8,12}$/);
    fc.assert(
      fc.property(fc.uniqueArray(segment, { minLength: 1, maxLength: 5 }), (values) => {
        const params = Object.fromEntries(values.map((value, at) => [`p${at}`, value]));
        const template = templateOf(`/${values.join('/')}`, params);
        expect(template).toBe(`/${values.map((_, at) => `:p${at}`).join('/')}`);
      }),
      { numRuns: 500 },
    );
  });
});

describe('watchMounts', () => {
  const createApp = () => {
    const prototype = { app: {} };
    return () =>
      Object.create(prototype) as {
        baseUrl?: string;
        params?: object;
        route?: { path: unknown } | undefined;
      };
  };

  test('follows mounts in and out, and keeps the last route that matched', () => {
    const req = createApp()();
    watchMounts(req);
    req.params = { tenant: 'acme' };
    req.baseUrl = '/tenants/acme';
    req.params = { id: '7' };
    req.baseUrl = '/tenants/acme/users';
    req.route = { path: '/:id' };
    expect(matchedRoute(req)).toBe('/tenants/:tenant/users/:id');
    req.baseUrl = '/tenants/acme';
    req.baseUrl = '';
    req.route = undefined;
    expect(matchedRoute(req)).toBe('/tenants/:tenant/users/:id');
    expect(req.baseUrl).toBe('');
  });

  test('what was assigned before it came is kept, without a template for the mount path that was not seen', () => {
    const make = createApp();
    const req = Object.assign(make(), { params: { id: '7' }, baseUrl: '/things/7' });
    watchMounts(req);
    req.route = { path: '/parts' };
    expect(matchedRoute(req)).toBe('/parts');
    expect(req.baseUrl).toBe('/things/7');
  });

  test('two requests of one application do not see each other', () => {
    const make = createApp();
    const [first, second] = [make(), make()];
    watchMounts(first);
    watchMounts(second);
    first.route = { path: '/a' };
    expect(matchedRoute(first)).toBe('/a');
    expect(matchedRoute(second)).toBeUndefined();
  });

  test('a mount path that no parameter explains is given up after 500 different ones', () => {
    const make = createApp();
    const routes = new Set<string | undefined>();
    for (let at = 0; at < 2_000; at++) {
      const req = make();
      watchMounts(req);
      req.baseUrl = `/mount-${at}`;
      req.route = { path: '/items' };
      routes.add(matchedRoute(req));
    }
    expect(routes.size).toBe(501);
    expect(routes.has('/items')).toBe(true);
  });

  test('a request without an application’s prototype is left alone', () => {
    const req = {};
    watchMounts(req);
    expect(Object.keys(Object.getPrototypeOf(req))).toEqual([]);
    expect(matchedRoute(req)).toBeUndefined();
  });
});
