import assert from 'node:assert/strict';
import { assertErrorType } from '../../kit/trace-assertions.ts';
import type { HttpClientCase } from '../http-client-case.ts';

const STATUS = 'http.response.status_code';

export const clientFailureCases: readonly HttpClientCase[] = [
  {
    name: 'marks a call that could not connect, with a type of few values and no status code',
    needs: ['spans'],
    async run(world) {
      const { port } = world.elsewhere;
      await world.elsewhere.close();
      await assert.rejects(world.client.request(`http://127.0.0.1:${port}/ok`));
      const span = await world.clientSpan();
      assertErrorType(span, /^[A-Z][\w.]*$/);
      assert.doesNotMatch(String(span.attributes['error.type']), new RegExp(String(port)));
      assert.equal(span.attributes[STATUS], undefined);
    },
  },
  {
    name: 'marks a call whose connection was reset',
    needs: ['spans'],
    async run(world) {
      await assert.rejects(world.call('/reset'));
      const span = await world.clientSpan();
      assertErrorType(span, /^[A-Z][\w.]*$/);
      assert.equal(span.attributes[STATUS], undefined);
    },
  },
  {
    name: 'rejects as the client underneath does',
    async run(world) {
      const failure = await world.call('/reset').then(
        () => assert.fail('the call must reject'),
        (error: unknown) => error,
      );
      assert.ok(failure instanceof Error);
      if (world.client.fetch) {
        const bare = await fetch(`${world.origin.url}/reset`).catch((error: Error) => error);
        assert.equal((failure as Error).name, (bare as Error).name);
      }
      await world.clientSpanIfTraced();
    },
  },
  {
    name: 'says nothing of an error when the caller gives the call up before the response',
    needs: ['spans', 'abort'],
    async run(world) {
      const giveUp = new AbortController();
      const pending = world.call('/held', { signal: giveUp.signal });
      pending.catch(() => {});
      await world.origin.gate('arrived').passed;
      giveUp.abort();
      await assert.rejects(pending);
      const span = await world.clientSpan();
      assertErrorType(span, undefined);
      assert.equal(span.attributes[STATUS], undefined);
      assert.deepEqual(span.events, []);
    },
  },
  {
    name: 'sends nothing and says nothing of an error when the caller has given up beforehand',
    needs: ['abort'],
    async run(world) {
      await assert.rejects(world.call('/ok', { signal: AbortSignal.abort() }));
      assert.deepEqual(world.origin.received, []);
      for (const span of [...world.spans.ended()]) {
        await world.spans.take();
        assertErrorType(span, undefined);
      }
    },
  },
  {
    name: 'rejects with the reason that the caller gave, by identity',
    needs: ['fetch', 'abort'],
    async run(world) {
      const reason = new Error('the user left');
      const giveUp = new AbortController();
      const pending = world.fetch(`${world.origin.url}/held`, { signal: giveUp.signal });
      pending.catch(() => {});
      await world.origin.gate('arrived').passed;
      giveUp.abort(reason);
      const failure = await pending.catch((error: unknown) => error);
      assert.ok(failure === reason, `the reason itself, not ${String(failure)}`);
      await world.clientSpan();
    },
  },
  {
    name: 'marks a call that ran into the time limit of its signal',
    needs: ['spans', 'fetch', 'abort'],
    async run(world) {
      const pending = world.fetch(`${world.origin.url}/held`, { signal: AbortSignal.timeout(30) });
      await assert.rejects(pending, { name: 'TimeoutError' });
      assertErrorType(await world.clientSpan(), /^[\w.]+$/);
    },
  },
  {
    name: 'rejects what fetch rejects, with the same error, and records no span of a call never made',
    needs: ['fetch'],
    async run(world) {
      const wrong: Parameters<typeof fetch>[] = [
        ['not a url'],
        ['http://'],
        [`${world.origin.url}/ok`, { method: 'IN VALID' }],
        [`${world.origin.url}/ok`, { method: 'GET', body: 'x' }],
        [`${world.origin.url}/ok`, { headers: { 'in valid': 'x' } }],
      ];
      for (const args of wrong) {
        const bare = (await fetch(...args).catch((error: Error) => error)) as Error;
        const traced = (await world.fetch(...args).catch((error: Error) => error)) as Error;
        assert.equal(`${traced.name}: ${traced.message}`, `${bare.name}: ${bare.message}`);
      }
      assert.deepEqual(world.origin.received, []);
      // Whether a refused call has a span is the client's choice; that it ends is not.
      assert.deepEqual(world.spans.open(), []);
      while (world.spans.ended().length > 0) await world.clientSpan();
    },
  },
];
