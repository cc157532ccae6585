import assert from 'node:assert/strict';
import { SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import { createGate } from '../../kit/gate.ts';
import { assertConnectedTrace, assertParent, assertRoot } from '../../kit/trace-assertions.ts';
import { parseTraceparent, REMOTE, remoteCaller, traceparentOf } from '../../kit/traceparent.ts';
import { withTenant } from '../../kit/with-tenant.ts';
import type { RpcCase } from '../rpc-case.ts';
import { needsOf, RPC_KINDS, RpcFailure } from '../rpc-under-test.ts';

const MANY = 20;

export const rpcPropagationCases: readonly RpcCase[] = [
  ...RPC_KINDS.map(
    (kind): RpcCase => ({
      name: `makes one connected trace of caller, client, server and handler (${kind})`,
      needs: needsOf(kind),
      async run(world) {
        world.handle(async function* ({ messages }) {
          for await (const message of messages) {
            trace.getTracer('application').startSpan('inner').end();
            yield `${message}!`;
          }
        });
        const [answer, caller] = await world.inSpan(() => world.call(kind));
        assert.deepEqual(answer, { messages: ['a!'], status: 'OK' });
        const [client, server] = [await world.client(), await world.server()];
        const inner = await world.spans.take(({ name }) => name === 'inner');
        assertParent(client, caller);
        assertParent(server, client);
        assertParent(inner, server);
        assertConnectedTrace([caller, client, server, inner]);
      },
    }),
  ),
  {
    name: 'sends exactly one traceparent, which names the CLIENT span',
    async run(world) {
      const sent: unknown[] = [];
      world.handle(async function* ({ metadata }) {
        sent.push(...metadata('traceparent'));
        yield '';
      });
      await world.call('unary');
      const { traceId, spanId } = (await world.client()).spanContext();
      assert.equal(sent.length, 1, JSON.stringify(sent));
      assert.deepEqual(parseTraceparent(sent[0]), { traceId, spanId, traceFlags: TraceFlags.SAMPLED });
      await world.server();
    },
  },
  {
    name: 'starts a trace when no span is active',
    async run(world) {
      await world.call('unary');
      const client = await world.client();
      assertRoot(client);
      assertParent(await world.server(), client);
    },
  },
  {
    name: 'carries tracestate and baggage to the handler',
    traceOptions: () => ({ client: false }),
    async run(world) {
      world.handle(async function* () {
        world.see('handler');
        yield '';
      });
      const metadata = { traceparent: traceparentOf(), tracestate: 'vendor=1', baggage: 'tenant=blue' };
      await world.call('unary', { metadata });
      const [seen] = world.sightings;
      assert.equal(seen?.span?.traceId, REMOTE.traceId);
      assert.equal(seen.span.traceState?.get('vendor'), '1');
      assert.equal(seen.tenant, 'blue');
      await world.server();
    },
  },
  {
    name: 'carries baggage from the caller to the handler',
    async run(world) {
      world.handle(async function* () {
        world.see('handler');
        yield '';
      });
      await world.inSpan(() => world.call('unary'), withTenant);
      assert.equal(world.sightings[0]?.tenant, 'blue');
      await world.client();
      await world.server();
    },
  },
  {
    name: 'carries an unsampled context to the handler and records nothing',
    sampler: () => ({ shouldSample: () => ({ decision: 0 }), toString: () => 'none' }),
    async run(world) {
      const sent: unknown[] = [];
      world.handle(async function* ({ metadata }) {
        sent.push(...metadata('traceparent'));
        world.see('handler');
        yield '';
      });
      await world.call('unary');
      const [seen] = world.sightings;
      const named = parseTraceparent(sent[0]);
      assert.equal(named?.traceFlags, TraceFlags.NONE);
      assert.equal(seen?.span?.traceId, named.traceId);
      assert.equal(seen.span.traceFlags, TraceFlags.NONE);
    },
  },
  {
    name: `keeps ${MANY} calls apart that are served at the same time`,
    traceOptions: () => ({ client: false }),
    async run(world) {
      let waiting = 0;
      const all = createGate();
      world.handle(async function* ({ messages }) {
        if (++waiting === MANY) all.open();
        await all.passed;
        for await (const message of messages) {
          world.see(message);
          yield message;
        }
      });
      const callers = Array.from({ length: MANY }, (_, n) => remoteCaller(n));
      const answers = await Promise.all(
        callers.map((caller, n) =>
          world.call('unary', { messages: [`${n}`], metadata: { traceparent: traceparentOf(caller) } }),
        ),
      );
      assert.deepEqual(
        answers.map(({ messages }) => messages),
        callers.map((_, n) => [`${n}`]),
      );
      for (const [n, { traceId }] of callers.entries())
        assert.equal(world.sightings.find(({ place }) => place === `${n}`)?.span?.traceId, traceId);
      await world.spans.takeMany(MANY);
    },
  },
  {
    name: 'does not change the metadata that it is given',
    async run(world) {
      const passed: unknown[] = [];
      const before: string[] = [];
      const metadata = { kind: 'order', baggage: 'own=1' };
      const shown = (objects: unknown) => JSON.stringify(objects, showEntries);
      await world.call('unary', {
        metadata,
        passed(objects) {
          passed.push(objects);
          before.push(shown(objects));
        },
      });
      assert.ok(passed.length > 0, 'the spec file called passed()');
      assert.deepEqual(passed.map(shown), before);
      await world.client();
      await world.server();
    },
  },
  {
    name: "sends the application's own metadata beside the context",
    async run(world) {
      const received: Record<string, readonly string[]> = {};
      world.handle(async function* ({ metadata }) {
        for (const name of ['kind', 'baggage', 'traceparent']) received[name] = metadata(name);
        yield '';
      });
      await world.inSpan(
        () => world.call('unary', { metadata: { kind: 'order', baggage: 'own=1' } }),
        withTenant,
      );
      assert.deepEqual(received.kind, ['order']);
      assert.equal(received.traceparent?.length, 1);
      assert.deepEqual(received.baggage?.join().split(',').sort(), ['own=1', 'tenant=blue']);
      await world.client();
      await world.server();
    },
  },
  {
    name: 'replaces a traceparent that the application left in the metadata',
    async run(world) {
      await world.call('unary', { metadata: { traceparent: traceparentOf(), tracestate: 'left=1' } });
      const client = await world.client();
      const server = await world.server();
      assertParent(server, client);
      assert.equal(server.spanContext().traceState, undefined);
    },
  },
  {
    name: 'makes one CLIENT span of a call that the library repeats, and sends one of each field each time',
    needs: ['retries'],
    async run(world) {
      const sent: (readonly string[])[] = [];
      world.handle(async function* ({ metadata }) {
        sent.push(metadata('traceparent'));
        if (sent.length === 1) throw new RpcFailure('UNAVAILABLE');
        yield 'second';
      });
      const answer = await world.call('unary');
      assert.deepEqual(answer, { messages: ['second'], status: 'OK' });
      const client = await world.client();
      for (const server of await world.spans.takeMany(2)) assertParent(server, client);
      assert.deepEqual(
        sent.map((values) => values.length),
        [1, 1],
      );
      assert.deepEqual(sent[0], sent[1]);
    },
  },
  {
    name: "makes the CLIENT span of a handler's own call a child of its SERVER span",
    async run(world) {
      const next = await world.connect({});
      let served = 0;
      world.handle(async function* ({ messages }) {
        await new Promise((turn) => setImmediate(turn));
        if (++served === 1) await next.call({ kind: 'unary', messages: ['b'] });
        for await (const message of messages) yield message;
      });
      assert.equal((await world.call('unary')).status, 'OK');
      const [inner, outer] = await world.spans.takeMany(2, ({ kind }) => kind === SpanKind.CLIENT);
      const servers = await world.spans.takeMany(2);
      const server = servers.find((one) => one.parentSpanContext?.spanId === outer?.spanContext().spanId);
      assert.ok(inner && server);
      assertParent(inner, server);
    },
  },
];

/** Shows the entries of headers and maps, which have no properties. */
function showEntries(_: string, value: unknown): unknown {
  const entries = (Object(value) as { entries?: unknown }).entries;
  return !Array.isArray(value) && typeof entries === 'function' ? [...entries.call(value)] : value;
}
