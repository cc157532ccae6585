import assert from 'node:assert/strict';
import { context, propagation, ROOT_CONTEXT, SpanKind } from '@opentelemetry/api';
import { headerValues, type ReceivedRequest } from '../../kit/origin-server.ts';
import type { RecordedSpan } from '../../kit/recorded-span.ts';
import { assertErrorType, assertParent } from '../../kit/trace-assertions.ts';
import { arrival, assertCarries } from '../arrival.ts';
import type { HttpClientCase, HttpClientWorld } from '../http-client-case.ts';

const to = (path: string, status = 302): string => `/redirect/${status}?to=${encodeURIComponent(path)}`;

async function hops(world: HttpClientWorld, count: number): Promise<RecordedSpan[]> {
  return world.spans.takeMany(count, ({ kind }) => kind === SpanKind.CLIENT);
}

async function elsewhere(world: HttpClientWorld): Promise<ReceivedRequest> {
  const [call] = await world.elsewhere.arrived(1);
  assert.ok(call);
  return call;
}

export const redirectCases: readonly HttpClientCase[] = [
  {
    name: 'makes one span per hop, each with its own traceparent and the count of resends',
    needs: ['spans', 'redirects'],
    async run(world) {
      const [text, caller] = await world.inSpan(() => world.read(to(to('/ok'))));
      assert.equal(text, 'ok');
      const spans = await hops(world, 3);
      for (const [n, span] of spans.entries()) {
        assertParent(span, caller);
        assertCarries(await arrival(world, n), span);
        assert.equal(span.attributes['http.request.resend_count'], n === 0 ? undefined : n);
        assert.equal(span.attributes['http.response.status_code'], n < 2 ? 302 : 200);
        assertErrorType(span, undefined);
      }
      assert.equal(spans[2]?.attributes['url.full'], `${world.origin.url}/ok`);
    },
  },
  {
    name: 'describes every hop alike: method, host and port, and its own URL',
    needs: ['spans', 'redirects'],
    async run(world) {
      await world.read(to(to(`${world.elsewhere.url}/ok`)), { method: 'HEAD' });
      const spans = await hops(world, 3);
      const servers = [world.origin, world.origin, world.elsewhere].map(({ url }) => new URL(url));
      for (const [n, { attributes }] of spans.entries()) {
        assert.equal(attributes['http.request.method'], 'HEAD');
        assert.equal(attributes['server.address'], servers[n]?.hostname);
        assert.equal(attributes['server.port'], Number(servers[n]?.port));
        assert.equal(new URL(String(attributes['url.full'])).origin, servers[n]?.origin);
      }
    },
  },
  {
    name: 'sends nothing to another origin that a redirect leads to',
    needs: ['redirects'],
    async run(world) {
      const baggage = propagation.createBaggage({ tenant: { value: 'blue' } });
      await context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), () =>
        world.read(to(`${world.elsewhere.url}/ok`)),
      );
      await hops(world, 2);
      const call = await elsewhere(world);
      for (const name of ['traceparent', 'tracestate', 'baggage']) {
        assert.deepEqual(headerValues(call, name), [], name);
      }
    },
  },
  {
    name: "carries the caller's own headers to another origin as fetch does: secrets stay behind",
    needs: ['fetch', 'redirects'],
    async run(world) {
      const headers = { authorization: 'Bearer abc', cookie: 'a=b', 'x-tenant': 'blue' };
      await (await world.fetch(world.origin.url + to(`${world.elsewhere.url}/ok`), { headers })).text();
      await hops(world, 2);
      const call = await elsewhere(world);
      assert.deepEqual(headerValues(call, 'authorization'), []);
      assert.deepEqual(headerValues(call, 'cookie'), []);
      assert.deepEqual(headerValues(call, 'x-tenant'), ['blue']);
    },
  },
  {
    name: 'changes method and body on 301, 302 and 303 and keeps them on 307 and 308, as fetch does',
    needs: ['fetch', 'redirects'],
    async run(world) {
      for (const status of [301, 302, 303, 307, 308]) {
        const init = { method: 'POST', body: 'hello', headers: { 'content-type': 'text/plain' } };
        const bare = await (await fetch(world.origin.url + to('/echo', status), init)).text();
        const traced = await (await world.fetch(world.origin.url + to('/echo', status), init)).text();
        assert.equal(traced, bare, `after ${status}`);
        await hops(world, 2);
      }
    },
  },
  {
    name: 'reports the last url, and that it was redirected',
    needs: ['fetch', 'redirects'],
    async run(world) {
      const response = await world.fetch(world.origin.url + to('/ok'));
      assert.equal(response.url, `${world.origin.url}/ok`);
      assert.equal(response.redirected, true);
      assert.equal(await response.text(), 'ok');
      await hops(world, 2);
    },
  },
  {
    name: 'follows no redirect in the modes manual and error',
    needs: ['fetch', 'redirects'],
    async run(world) {
      const url = world.origin.url + to('/ok');
      const [bare, traced] = [
        await fetch(url, { redirect: 'manual' }),
        await world.fetch(url, { redirect: 'manual' }),
      ];
      assert.equal(`${traced.status} ${traced.type}`, `${bare.status} ${bare.type}`);
      await hops(world, 1);
      await assert.rejects(world.fetch(url, { redirect: 'error' }), TypeError);
      await hops(world, 1);
      assert.ok(!world.origin.received.some(({ target }) => target === '/ok'));
    },
  },
  {
    name: 'gives up after as many redirects as fetch',
    needs: ['fetch', 'redirects'],
    async run(world) {
      const bare = await fetch(`${world.origin.url}/loop`).catch((error: Error) => error);
      const sent = world.origin.received.length;
      const traced = await world.fetch(`${world.origin.url}/loop`).catch((error: Error) => error);
      assert.equal((traced as Error).name, (bare as Error).name);
      assert.equal(world.origin.received.length, sent * 2, 'as many requests as fetch sends');
      await hops(world, sent);
    },
  },
  {
    name: 'ends every span when a hop fails',
    needs: ['redirects'],
    async run(world) {
      await assert.rejects(world.call(to('/reset')));
      const [first, second] = await hops(world, 2);
      assert.ok(first && second);
      assertErrorType(first, undefined);
      assertErrorType(second, /^[A-Z][\w.]*$/);
    },
  },
];
