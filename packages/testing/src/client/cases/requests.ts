import assert from 'node:assert/strict';
import { headerValues } from '../../kit/origin-server.ts';
import { arrival } from '../arrival.ts';
import type { HttpClientCase } from '../http-client-case.ts';

/** Freezes a value and its contents, so that a mutation throws where it happens. */
function frozen<T extends object>(value: T): T {
  for (const member of Object.values(value)) if (typeof member === 'object' && member) frozen(member);
  return Object.freeze(value);
}

export const requestCases: readonly HttpClientCase[] = [
  {
    name: "sends the caller's method, headers and body as they are",
    async run(world) {
      const text = await world.read('/echo', {
        method: 'POST',
        headers: { 'content-type': 'text/plain', 'x-tenant': 'blue' },
        body: 'hällo',
      });
      await world.clientSpanIfTraced();
      assert.equal(text, 'POST hällo');
      assert.deepEqual(headerValues(await arrival(world), 'x-tenant'), ['blue']);
    },
  },
  {
    name: "does not change the caller's headers",
    async run(world) {
      const headers = frozen({ 'x-tenant': 'blue' });
      await world.inSpan(() => world.read('/ok', { headers }));
      await world.clientSpanIfTraced();
      assert.deepEqual({ ...headers }, { 'x-tenant': 'blue' });
    },
  },
  {
    name: "does not change the caller's init, Headers object or list of headers",
    needs: ['fetch'],
    async run(world) {
      const shapes: NonNullable<RequestInit['headers']>[] = [
        new Headers({ 'x-tenant': 'blue' }),
        frozen([['x-tenant', 'blue']]) as [string, string][],
        frozen({ 'x-tenant': 'blue' }),
      ];
      for (const headers of shapes) {
        const init = Object.freeze({ method: 'POST', headers, body: 'x' });
        const response = await world.fetch(`${world.origin.url}/echo`, init);
        assert.equal(await response.text(), 'POST x');
        await world.clientSpan();
        assert.deepEqual([...new Headers(headers)], [['x-tenant', 'blue']]);
      }
      for (const call of world.origin.received) assert.deepEqual(headerValues(call, 'x-tenant'), ['blue']);
    },
  },
  {
    name: "keeps a Request's own method, headers and body, and does not change the Request",
    needs: ['fetch'],
    async run(world) {
      const { Request } = world.client.classes ?? globalThis;
      const request = new Request(`${world.origin.url}/echo`, {
        method: 'POST',
        headers: { 'x-tenant': 'blue' },
        body: 'hello',
      });
      const response = await world.fetch(request);
      assert.equal(await response.text(), 'POST hello');
      await world.clientSpan();
      assert.deepEqual(headerValues(await arrival(world), 'x-tenant'), ['blue']);
      assert.equal(request.headers.get('traceparent'), null);
      assert.equal(request.bodyUsed, true, 'as fetch leaves it');
    },
  },
  {
    name: "lets init override a Request's own method and headers, as fetch does",
    needs: ['fetch'],
    async run(world) {
      const { Request } = world.client.classes ?? globalThis;
      const request = new Request(`${world.origin.url}/echo`, { headers: { 'x-old': '1' } });
      const response = await world.fetch(request, { method: 'PUT', headers: { 'x-new': '2' }, body: 'b' });
      assert.equal(await response.text(), 'PUT b');
      const span = await world.clientSpan();
      assert.equal(span.attributes['http.request.method'], 'PUT');
      const call = await arrival(world);
      assert.deepEqual(headerValues(call, 'x-old'), []);
      assert.deepEqual(headerValues(call, 'x-new'), ['2']);
    },
  },
  {
    name: 'reads what init inherits, and members of a class with private fields',
    needs: ['fetch'],
    async run(world) {
      class Init {
        #method = 'PUT';
        get method() {
          return this.#method;
        }
        get headers() {
          return { 'x-own': this.#method };
        }
      }
      const inits = [Object.create({ method: 'PUT', headers: { 'x-own': 'PUT' } }), new Init()];
      for (const init of inits)
        await (await world.fetch(`${world.origin.url}/echo`, init as RequestInit)).text();
      for (const call of await world.origin.arrived(inits.length)) {
        assert.equal(call.method, 'PUT');
        assert.deepEqual(headerValues(call, 'x-own'), ['PUT']);
      }
      for (const _ of inits) await world.clientSpanIfTraced();
    },
  },
  {
    name: 'takes a URL object as well as a string',
    needs: ['fetch'],
    async run(world) {
      const response = await world.fetch(new URL('/ok?a=1#part', world.origin.url));
      assert.equal(await response.text(), 'ok');
      const span = await world.clientSpan();
      assert.match(String(span.attributes['url.full']), /\/ok\?a=1/);
    },
  },
  {
    name: 'sends a streamed request body',
    needs: ['fetch'],
    async run(world) {
      const body = new ReadableStream({
        start(controller) {
          for (const piece of ['one ', 'two']) controller.enqueue(new TextEncoder().encode(piece));
          controller.close();
        },
      });
      const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
      const response = await world.fetch(`${world.origin.url}/echo`, init);
      assert.equal(await response.text(), 'POST one two');
      await world.clientSpan();
    },
  },
  {
    name: 'hands the response body on piece by piece, as it comes',
    needs: ['fetch'],
    async run(world) {
      const response = await world.fetch(`${world.origin.url}/streamed`);
      const reader = response.body?.getReader();
      const first = await reader?.read();
      assert.equal(new TextDecoder().decode(first?.value), 'first ');
      world.origin.gate('rest').open();
      const last = await reader?.read();
      assert.equal(new TextDecoder().decode(last?.value), 'last');
      assert.equal((await reader?.read())?.done, true);
      await world.clientSpan();
    },
  },
  {
    name: 'returns a Response with the url, headers and type that fetch returns',
    needs: ['fetch'],
    async run(world) {
      const url = `${world.origin.url}/echo`;
      const bare = await fetch(url);
      const traced = await world.fetch(url);
      await world.clientSpan();
      for (const key of ['status', 'statusText', 'ok', 'url', 'type', 'redirected'] as const) {
        assert.equal(traced[key], bare[key], key);
      }
      assert.equal(traced.headers.get('x-answer'), '42');
      assert.ok(traced instanceof (world.client.classes ?? globalThis).Response);
      assert.equal(await traced.clone().text(), await bare.text());
      await traced.text();
    },
  },
  {
    name: 'leaves calls that go over no network alone',
    needs: ['fetch'],
    async run(world) {
      assert.equal(await (await world.fetch('data:text/plain,hello')).text(), 'hello');
      assert.deepEqual(world.spans.ended(), []);
    },
  },
  {
    name: 'answers HEAD and empty responses',
    async run(world) {
      assert.equal(await world.read('/ok', { method: 'HEAD' }), '');
      await world.clientSpanIfTraced();
      assert.equal(await world.read('/status/204'), '');
      await world.clientSpanIfTraced();
    },
  },
];
