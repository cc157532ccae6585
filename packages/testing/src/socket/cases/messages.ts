import assert from 'node:assert/strict';
import { context, propagation, ROOT_CONTEXT, SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import { createGate } from '../../kit/gate.ts';
import {
  assertConnectedTrace,
  assertErrorType,
  assertLinks,
  assertParent,
  assertRoot,
} from '../../kit/trace-assertions.ts';
import {
  MALFORMED_TRACEPARENTS,
  PAIRS_OF_TRACEPARENTS,
  parseTraceparent,
  REMOTE,
  remoteCaller,
  traceparentOf,
} from '../../kit/traceparent.ts';
import { withTenant } from '../../kit/with-tenant.ts';
import { opened, openedBare } from '../opened.ts';
import type { SocketCase, SocketWorld } from '../socket-case.ts';
import type { PeerFields } from '../sockets-under-test.ts';

const BODY = '{"kind":"order"}';

/** Sends a message whose fields are no context, from a peer without tracing: it is delivered, in a new trace. */
async function deliveredInNewTrace(world: SocketWorld, all: readonly (PeerFields | string)[]): Promise<void> {
  const { peer, server } = await openedBare(world);
  for (const fields of all) {
    if (typeof fields === 'string') await peer.sendRaw(BODY, fields);
    else await peer.send(BODY, fields);
    const { body, last } = await world.seen('served');
    assert.equal(body, BODY);
    const span = await world.message('process');
    assertRoot(span);
    assertLinks(span, [server.spanContext()]);
    assert.equal(last?.spanId, span.spanContext().spanId);
  }
}

export const socketMessageCases: readonly SocketCase[] = [
  {
    name: 'makes one connected trace of sender, message and listener',
    async run(world) {
      const { peer } = await opened(world);
      world.listeners.served = () => trace.getTracer('application').startSpan('work').end();
      const [, caller] = await world.inSpan(async () => peer.send(BODY));
      const { body, last } = await world.seen('served');
      const send = await world.message('send');
      const process = await world.message('process');
      const work = await world.spans.take(({ name }) => name === 'work');
      assert.equal(body, BODY);
      assertConnectedTrace([caller, send, process, work]);
      assertParent(process, send);
      assertParent(work, process);
      assert.equal(last?.spanId, process.spanContext().spanId);
      assert.equal(send.kind, SpanKind.PRODUCER);
      assert.equal(process.kind, SpanKind.CONSUMER);
      assert.equal(send.attributes['messaging.system.name'], world.options.system);
    },
  },
  {
    name: 'carries tracestate and baggage to the listener',
    traceOptions: () => ({ client: { baggageTo: 'all' } }),
    async run(world) {
      const { peer } = await opened(world);
      const remote = propagation.extract(ROOT_CONTEXT, {
        traceparent: traceparentOf(),
        tracestate: 'vendor=1',
      });
      await context.with(withTenant(remote), async () => peer.send(BODY));
      const { tenant, last } = await world.seen('served');
      assert.equal(tenant, 'blue');
      assert.equal(last?.traceState?.serialize(), 'vendor=1');
      await world.message('send');
      await world.message('process');
    },
  },
  {
    name: 'carries an unsampled context to the listener and records nothing',
    async run(world) {
      const { peer } = await opened(world);
      const unsampled = trace.setSpanContext(ROOT_CONTEXT, { ...REMOTE, traceFlags: TraceFlags.NONE });
      await context.with(unsampled, async () => peer.send(BODY));
      const { last } = await world.seen('served');
      assert.equal(last?.traceId, REMOTE.traceId);
      assert.equal(last.traceFlags, TraceFlags.NONE);
    },
  },
  {
    name: 'carries the context of a listener to the peer that it answers',
    async run(world) {
      const { peer } = await opened(world);
      world.listeners.served = (body, side) => side.send(body);
      await world.inSpan(async () => peer.send(BODY));
      await world.seen('served');
      const asked = await world.message('send');
      const process = await world.message('process');
      const answered = await world.message('send');
      assert.equal((await world.answer()).body, BODY);
      const handled = await world.message('process');
      assertParent(process, asked);
      assertParent(answered, process);
      assertParent(handled, answered);
    },
  },
  {
    name: 'continues the context of a message from a peer without tracing',
    async run(world) {
      const { peer } = await openedBare(world);
      await peer.send(BODY, { traceparent: traceparentOf(), baggage: 'tenant=blue' });
      const { body, tenant, first, last } = await world.seen('served');
      const span = await world.message('process');
      assert.equal(body, BODY);
      assert.equal(tenant, 'blue');
      assertParent(span, REMOTE);
      assert.equal(first?.spanId, span.spanContext().spanId);
      assert.equal(last?.spanId, span.spanContext().spanId);
    },
  },
  {
    name: 'keeps 20 messages apart that are handled at the same time',
    async run(world) {
      const { peer } = await openedBare(world);
      const numbers = Array.from({ length: 20 }, (_, n) => n);
      for (const n of numbers)
        await peer.send(JSON.stringify({ n }), { traceparent: traceparentOf(remoteCaller(n)) });
      for (const _ of numbers) {
        const { body, last } = await world.seen('served');
        assert.equal(last?.traceId, remoteCaller(JSON.parse(body).n).traceId);
        await world.message('process');
      }
    },
  },
  {
    name: 'keeps the span open until what the listener returns has settled',
    async run(world) {
      const gate = createGate();
      const { peer } = await openedBare(world);
      world.listeners.served = () => gate.passed;
      await peer.send(BODY);
      await world.seen('served');
      const taken = world.message('process');
      const early = await Promise.race([taken.then(() => 'ended'), turns(5)]);
      assert.equal(early, 'open');
      gate.open();
      assertErrorType(await taken, undefined);
    },
  },
  {
    name: 'delivers a message with a malformed context, in a new trace',
    run: (world) =>
      deliveredInNewTrace(world, [
        ...MALFORMED_TRACEPARENTS.map((traceparent) => ({ traceparent })),
        { traceparent: 7 },
        { traceparent: null },
        { traceparent: { nested: true } },
        {},
      ]),
  },
  {
    name: 'delivers a message with two traceparents, in a new trace',
    run: (world) =>
      deliveredInNewTrace(world, [
        ...PAIRS_OF_TRACEPARENTS.map((traceparent) => ({ traceparent })),
        ...PAIRS_OF_TRACEPARENTS.map(([traceparent, TraceParent]) => ({ traceparent, TraceParent })),
      ]),
  },
  {
    name: 'delivers a message whose context has a member traceparent twice, in a new trace',
    needs: ['rawFields'],
    run: (world) =>
      deliveredInNewTrace(
        world,
        PAIRS_OF_TRACEPARENTS.map(([one, other]) => `{"traceparent":"${one}","traceparent":"${other}"}`),
      ),
  },
  {
    name: 'delivers a message with an oversized context',
    async run(world) {
      const { peer } = await openedBare(world);
      await peer.send(BODY, {
        traceparent: traceparentOf(),
        tracestate: `a=${'b'.repeat(20_000)}`,
        baggage: `c=${'d'.repeat(20_000)}`,
      });
      const { body, tenant } = await world.seen('served');
      assert.equal(body, BODY);
      assert.equal(tenant, undefined);
      assert.equal((await world.message('process')).spanContext().traceState?.get('a'), undefined);
    },
  },
  {
    name: 'delivers 1 000 messages with mutated contexts as they were sent',
    async run(world) {
      const { peer } = await openedBare(world);
      const next = randomNumbers(13);
      const bodies = Array.from({ length: 1_000 }, (_, n) => JSON.stringify({ n }));
      for (const body of bodies) await peer.send(body, mutated(next));
      const served = new Set<string>();
      for (const _ of bodies) served.add((await world.seen('served')).body);
      assert.deepEqual(served, new Set(bodies));
      await peer.close();
      await world.seen('closed');
      // Some of the contexts are good ones, and some of these are not sampled.
      world.spans.reset();
    },
  },
  {
    name: 'sends exactly what the application sent where nothing is to be carried',
    needs: ['raw'],
    traceOptions: () => ({ carries: false }),
    async run(world) {
      const { side, peer } = await openedBare(world);
      await world.inSpan(async () => side.send(BODY));
      assert.equal((await peer.received()).raw, BODY);
      await world.message('send');
    },
  },
  {
    name: 'delivers exactly what was sent where nothing is to be carried',
    traceOptions: () => ({ carries: false }),
    async run(world) {
      const { peer, server } = await openedBare(world);
      await peer.send(BODY);
      assert.equal((await world.seen('served')).body, BODY);
      const span = await world.message('process');
      assertRoot(span);
      assertLinks(span, [server.spanContext()]);
    },
  },
  {
    name: 'writes one traceparent into a message, which names the span of the send',
    async run(world) {
      const { side, peer } = await openedBare(world);
      await world.inSpan(async () => side.send(BODY));
      const { body, fields } = await peer.received();
      const { traceId, spanId } = (await world.message('send')).spanContext();
      assert.equal(body, BODY);
      assert.deepEqual(parseTraceparent(fields?.traceparent), {
        traceId,
        spanId,
        traceFlags: TraceFlags.SAMPLED,
      });
    },
  },
];

async function turns(count: number): Promise<string> {
  for (let turn = 0; turn < count; turn++) await new Promise((next) => setImmediate(next));
  return 'open';
}

/** Returns numbers below a limit, the same in each run. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % limit;
  };
}

/** Returns fields that begin as a context, with some characters and values replaced. */
function mutated(next: (limit: number) => number): PeerFields {
  const fields: Record<string, unknown> = {
    traceparent: traceparentOf(),
    tracestate: 'vendor=1',
    baggage: 'tenant=blue',
  };
  const values = [
    null,
    7,
    true,
    [],
    {},
    ['a', 'b'],
    '',
    '\u0000\n"}',
    'é'.repeat(50),
    '}'.repeat(9),
    '"$trace":{',
  ];
  for (let change = 0; change <= next(3); change++) {
    const name = ['traceparent', 'tracestate', 'baggage', '__proto__', 'Traceparent'][next(5)] as string;
    const text = String(fields[name] ?? '');
    const at = next(text.length + 1);
    const value =
      next(2) === 0
        ? values[next(values.length)]
        : text.slice(0, at) + String.fromCharCode(next(300)) + text.slice(at + 1);
    Object.defineProperty(fields, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return fields;
}
