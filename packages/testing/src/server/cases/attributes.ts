import assert from 'node:assert/strict';
import { type Attributes, SpanKind } from '@opentelemetry/api';
import { assertErrorType, assertSpan } from '../../kit/trace-assertions.ts';
import type { HttpServerCase } from '../http-server-case.ts';

/** The attributes that a SERVER span may have unless the user asks for more. */
const CONVENTIONAL: ReadonlySet<string> = new Set([
  'http.request.method',
  'http.request.method_original',
  'http.response.status_code',
  'http.route',
  'error.type',
  'url.path',
  'url.query',
  'url.scheme',
  'server.address',
  'server.port',
  'client.address',
  'network.peer.address',
  'network.peer.port',
  'network.protocol.name',
  'network.protocol.version',
  'user_agent.original',
]);

const HOST = { host: 'shop.example:8443' };

export const attributeCases: readonly HttpServerCase[] = [
  {
    name: 'names the span by method and route template, never by path',
    async run(world) {
      await world.get('/items/4711');
      const span = await world.serverSpan();
      assertSpan(span, SpanKind.SERVER, world.nameOf('GET', '/items/:id'));
      assert.equal(span.attributes['http.route'], world.routeOf('/items/:id'));
      assert.doesNotMatch(span.name, /4711/);
    },
  },
  {
    name: 'reports the whole template of a route in nested routers',
    needs: ['routes'],
    async run(world) {
      await world.get('/api/v1/items/1');
      const span = await world.serverSpan();
      assertSpan(span, SpanKind.SERVER, world.nameOf('GET', '/api/v1/items/:id'));
      assert.equal(span.attributes['http.route'], world.routeOf('/api/v1/items/:id'));
    },
  },
  {
    name: 'reports the parameter, never its value, of a router mounted on a parameterised path',
    needs: ['routes'],
    async run(world) {
      for (const tenant of ['acme', 'globex']) {
        await world.get(`/tenants/${tenant}/users/1`);
        const span = await world.serverSpan();
        assertSpan(span, SpanKind.SERVER, world.nameOf('GET', '/tenants/:tenantId/users/:id'));
        assert.equal(span.attributes['http.route'], world.routeOf('/tenants/:tenantId/users/:id'));
      }
    },
  },
  {
    name: 'reports the same template however the values of a mount path are spelt',
    needs: ['routes'],
    async run(world) {
      for (const tenant of ['%61cme', 'caf%C3%A9', '%2525', 'tenants', 'users', 'a-b.c', ':tenantId', '1']) {
        await world.get(`/tenants/${tenant}/users/1`);
        const span = await world.serverSpan();
        assert.equal(span.attributes['http.route'], world.routeOf('/tenants/:tenantId/users/:id'), tenant);
      }
    },
  },
  {
    name: 'reports the template of a wildcard route',
    needs: ['routes'],
    async run(world) {
      await world.get('/files/a/b/c.txt');
      const span = await world.serverSpan();
      assert.equal(span.attributes['http.route'], world.routeOf('/files/*'));
      assert.doesNotMatch(span.name, /c\.txt/);
    },
  },
  {
    name: 'reports the whole template when the handler in a nested router throws',
    needs: ['routes', 'errors'],
    async run(world) {
      const { status } = await world.get('/api/v1/throws/1');
      assert.equal(status, 500);
      const span = await world.serverSpan();
      assertSpan(span, SpanKind.SERVER, world.nameOf('GET', '/api/v1/throws/:id'));
      assert.equal(span.attributes['http.route'], world.routeOf('/api/v1/throws/:id'));
    },
  },
  {
    name: 'reports no route for a request that no route matches',
    async run(world) {
      for (const path of ['/nowhere/4711', '/api/v1/nowhere', '/tenants/acme/nowhere']) {
        const { status } = await world.get(path);
        assert.equal(status, 404);
        const span = await world.serverSpan();
        assertSpan(span, SpanKind.SERVER, 'GET');
        assert.equal(span.attributes['http.route'], undefined);
        assert.equal(span.attributes['http.response.status_code'], 404);
        assertErrorType(span, undefined);
      }
    },
  },
  {
    name: 'names HEAD and OPTIONS requests by their own method',
    async run(world) {
      for (const method of ['HEAD', 'OPTIONS']) {
        const { status } = await world.get('/any/1', { method });
        const span = await world.serverSpan();
        assert.equal(status, 200);
        assert.equal(span.attributes['http.request.method'], method);
        assertSpan(span, SpanKind.SERVER, world.nameOf(method, '/any/:id'));
        assert.equal(span.attributes['http.request.method_original'], undefined);
      }
    },
  },
  {
    name: 'reports a method outside the known ones as _OTHER, keeps the original, and names the span HTTP',
    needs: ['anyMethod'],
    async run(world) {
      const { status } = await world.get('/any/1', { method: 'PROPFIND' });
      assert.equal(status, 200);
      const span = await world.serverSpan();
      assert.equal(span.attributes['http.request.method'], '_OTHER');
      assert.equal(span.attributes['http.request.method_original'], 'PROPFIND');
      assertSpan(span, SpanKind.SERVER, world.nameOf('HTTP', '/any/:id'));
    },
  },
  {
    name: 'takes the known methods from OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS instead',
    needs: ['anyMethod', 'knownMethods'],
    manual: true,
    async run(world) {
      const name = 'OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS';
      const before = process.env[name];
      process.env[name] = 'GET,PROPFIND';
      try {
        await world.start();
        await world.get('/any/1', { method: 'PROPFIND' });
        assert.equal((await world.serverSpan()).attributes['http.request.method'], 'PROPFIND');
        await world.get('/any/1', { method: 'OPTIONS' });
        assert.equal((await world.serverSpan()).attributes['http.request.method'], '_OTHER');
      } finally {
        if (before === undefined) delete process.env[name];
        else process.env[name] = before;
      }
    },
  },
  {
    name: 'carries exactly what the conventions require and recommend',
    async run(world) {
      const { origin } = world;
      await world.get('/items/1?page=2', { headers: { ...HOST, 'user-agent': 'kit/1.0' } });
      const span = await world.serverSpan();
      const { 'network.peer.port': peerPort, 'http.route': route, ...rest } = span.attributes;
      assert.equal(route, world.routeOf('/items/:id'));
      assert.ok(peerPort === undefined || Number(peerPort) > 0, `network.peer.port ${peerPort}`);
      assert.deepEqual(rest, {
        'http.request.method': 'GET',
        'http.response.status_code': 200,
        'url.path': '/items/1',
        'url.query': 'page=2',
        'url.scheme': origin.scheme,
        'server.address': 'shop.example',
        'server.port': 8443,
        'client.address': '127.0.0.1',
        'network.peer.address': '127.0.0.1',
        ...world.protocolVersion,
        'user_agent.original': 'kit/1.0',
      });
    },
  },
  {
    name: 'carries nothing beyond the conventions, for any outcome',
    async run(world) {
      for (const path of ['/items/1?a=b', '/nowhere', '/status/500', '/status/302']) {
        await world.get(path, { headers: { cookie: 'a=b', authorization: 'Bearer abc' } });
        const span = await world.serverSpan();
        const extra = Object.keys(span.attributes).filter((key) => !CONVENTIONAL.has(key));
        assert.deepEqual(extra, [], `attributes of ${path}`);
      }
    },
  },
  {
    name: 'carries url.query without the question mark, and only when there is a query',
    async run(world) {
      await world.get('/items/1?a=1&b=%20x&c');
      assert.equal((await world.serverSpan()).attributes['url.query'], 'a=1&b=%20x&c');
      await world.get('/items/1');
      const { attributes } = await world.serverSpan();
      assert.equal(attributes['url.path'], '/items/1');
      assert.ok(!('url.query' in attributes) || attributes['url.query'] === undefined);
    },
  },
  {
    name: 'redacts the signature parameters of the conventions, keeps their keys and everything else',
    async run(world) {
      const keys = [
        'X-Amz-Signature',
        'X-Amz-Credential',
        'X-Amz-Security-Token',
        'AWSAccessKeyId',
        'Signature',
        'sig',
        'X-Goog-Signature',
      ];
      const { text } = await world.get(`/items/1?a=1&${keys.map((key) => `${key}=SECRET`).join('&')}&b=2`);
      assert.equal(text, '{"id":"1"}');
      const { attributes } = await world.serverSpan();
      assert.equal(attributes['url.query'], `a=1&${keys.map((key) => `${key}=REDACTED`).join('&')}&b=2`);
      assert.doesNotMatch(JSON.stringify(attributes), /SECRET/);
    },
  },
  {
    name: 'redacts each of several parameters of one name, and leaves a malformed query as it came',
    async run(world) {
      await world.get('/items/1?sig=SECRET1&x=%zz&sig=SECRET2&&=&novalue');
      const query = (await world.serverSpan()).attributes['url.query'];
      assert.equal(query, 'sig=REDACTED&x=%zz&sig=REDACTED&&=&novalue');
    },
  },
  {
    name: 'redacts no parameter whose name only contains a secret one',
    async run(world) {
      await world.get('/items/1?design=a&assignee=b');
      assert.equal((await world.serverSpan()).attributes['url.query'], 'design=a&assignee=b');
    },
  },
  {
    name: 'takes server.address from the host that the client asked for, with or without a port',
    async run(world) {
      const standard = world.origin.scheme === 'https' ? 443 : 80;
      await world.get('/items/1', { headers: { host: 'shop.example' } });
      const { attributes } = await world.serverSpan();
      assert.equal(attributes['server.address'], 'shop.example');
      assert.ok([undefined, standard].includes(attributes['server.port'] as number | undefined));
      await world.get('/items/1', { headers: { host: '[2001:db8::1]:8080' } });
      const six = (await world.serverSpan()).attributes;
      assert.match(String(six['server.address']), /^\[?2001:db8::1\]?$/);
      assert.equal(six['server.port'], 8080);
    },
  },
  {
    name: 'takes no address or scheme from proxy headers unless asked to trust them',
    async run(world) {
      await world.get('/items/1', {
        headers: {
          ...HOST,
          'x-forwarded-for': '203.0.113.7',
          'x-forwarded-proto': world.origin.scheme === 'https' ? 'http' : 'https',
          'x-forwarded-host': 'evil.example',
          forwarded: 'for=203.0.113.8;host=evil.example;proto=gopher',
        },
      });
      const { attributes } = await world.serverSpan();
      assert.equal(attributes['client.address'], '127.0.0.1');
      assert.equal(attributes['url.scheme'], world.origin.scheme);
      assert.equal(attributes['server.address'], 'shop.example');
      assert.equal(attributes['server.port'], 8443);
    },
  },
  {
    name: 'reports the path of a request-target in absolute form',
    needs: ['http1'],
    async run(world) {
      const received = await world.bytes(
        'GET http://proxy.example/items/7?a=b HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n',
      );
      assert.match(received, /^HTTP\/1\.1 \d{3}/);
      const { attributes } = await world.serverSpan();
      assert.equal(attributes['url.path'], '/items/7');
      assert.equal(attributes['url.query'], 'a=b');
    },
  },
  {
    name: 'reports the asterisk of a server-wide OPTIONS request',
    needs: ['http1', 'asterisk'],
    async run(world) {
      const received = await world.bytes('OPTIONS * HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n');
      assert.match(received, /^HTTP\/1\.1 \d{3}/);
      const { attributes } = await world.serverSpan();
      assert.equal(attributes['url.path'], '*');
      assert.equal(attributes['http.request.method'], 'OPTIONS');
    },
  },
  {
    name: 'reads a request-target that starts with two slashes as a path',
    async run(world) {
      const { status } = await world.get('//evil.example/items/1');
      assert.equal(status, 404);
      const { attributes } = await world.serverSpan();
      assert.equal(attributes['url.path'], '//evil.example/items/1');
    },
  },
  {
    name: 'passes everything known at the start to the sampler',
    sampler: (world) => ({
      shouldSample(_context, _traceId, name, kind, attributes) {
        world.notes.push({ name, kind, attributes: { ...attributes } });
        return { decision: 2 };
      },
      toString: () => 'noting sampler',
    }),
    async run(world) {
      await world.get('/items/1?sig=SECRET&b=2', { headers: { ...HOST, 'user-agent': 'kit/1.0' } });
      await world.serverSpan();
      const [seen] = world.notes as { name: string; kind: SpanKind; attributes: Attributes }[];
      assert.equal(seen?.kind, SpanKind.SERVER);
      const expected: Attributes = {
        'http.request.method': 'GET',
        'url.path': '/items/1',
        'url.query': 'sig=REDACTED&b=2',
        'url.scheme': world.origin.scheme,
        'server.address': 'shop.example',
        'server.port': 8443,
        'client.address': '127.0.0.1',
        'user_agent.original': 'kit/1.0',
      };
      for (const [key, value] of Object.entries(expected)) {
        assert.equal(seen?.attributes[key], value, `${key} at span creation`);
      }
    },
  },
  {
    name: 'names its scope, the version and the schema of the conventions',
    async run(world) {
      await world.get('/items/1');
      const { instrumentationScope: scope } = await world.serverSpan();
      assert.ok(scope.name.length > 0, 'a scope name');
      assert.match(String(scope.version), /^\d+\.\d+\.\d+/);
      assert.match(String(scope.schemaUrl), /^https:\/\/opentelemetry\.io\/schemas\/\d+\.\d+\.\d+$/);
    },
  },
];
