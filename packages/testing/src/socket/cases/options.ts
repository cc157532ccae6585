import assert from 'node:assert/strict';
import { context } from '@opentelemetry/api';
import { givenParts } from '../../kit/given-parts.ts';
import { faultCase, planted, SDK_FAULTS } from '../../kit/planted-faults.ts';
import { REMOTE, traceparentOf } from '../../kit/traceparent.ts';
import { withTenant } from '../../kit/with-tenant.ts';
import { opened, openedBare } from '../opened.ts';
import type { SocketCase, SocketWorld } from '../socket-case.ts';
import type { SocketCapability, SocketTraceOptions } from '../socket-conformance-options.ts';

const BODY = '{"kind":"order"}';

const throwing = faultCase<SocketWorld, SocketCapability, SocketTraceOptions>(
  'opens sockets and delivers messages',
  async (world) => {
    const peer = await world.sockets.connect();
    await world.seen('connected');
    await peer.send(BODY);
    assert.equal((await world.seen('served')).body, BODY);
  },
  async (world) => {
    await world.handshake();
    await world.clientHandshake();
    await world.message('send');
    await world.message('process');
  },
);

export const socketOptionCases: readonly SocketCase[] = [
  {
    name: 'makes no span of an ignored message and still gives its context to the listener',
    traceOptions: () => ({ server: { messages: { ignore: () => true } } }),
    async run(world) {
      const { peer } = await openedBare(world);
      await peer.send(BODY, { traceparent: traceparentOf() });
      assert.equal((await world.seen('served')).last?.spanId, REMOTE.spanId);
    },
  },
  {
    name: 'makes no span of any message, asked for none, and still carries their contexts',
    traceOptions: () => ({ client: { messages: { spans: false } }, server: { messages: { spans: false } } }),
    async run(world) {
      const { peer } = await opened(world);
      const [, caller] = await world.inSpan(async () => peer.send(BODY));
      assert.equal((await world.seen('served')).last?.spanId, caller.spanContext().spanId);
    },
  },
  {
    name: 'makes no span of an ignored connection and its messages, and still delivers them',
    traceOptions: () => ({ server: { ignore: () => true } }),
    async run(world) {
      const peer = await world.sockets.connectBare({ headers: { traceparent: traceparentOf() } });
      assert.equal((await world.seen('connected')).last?.spanId, REMOTE.spanId);
      await peer.send(BODY);
      assert.equal((await world.seen('served')).body, BODY);
    },
  },
  {
    name: 'sends no context to peers that must not have one',
    traceOptions: () => ({ server: { propagateTo: 'none' } }),
    async run(world) {
      const { side, peer } = await openedBare(world);
      await side.send(BODY);
      const { body, fields } = await peer.received();
      assert.equal(body, BODY);
      assert.equal(fields?.traceparent, undefined);
      await world.message('send');
    },
  },
  {
    name: 'sends no baggage to the peers of a server unless asked to',
    async run(world) {
      const { side, peer } = await openedBare(world);
      await context.with(withTenant(), async () => side.send(BODY));
      const { fields } = await peer.received();
      assert.equal(typeof fields?.traceparent, 'string');
      assert.equal(fields?.baggage, undefined);
      await world.message('send');
    },
  },
  {
    name: 'sends baggage to the peers of a server when asked to',
    traceOptions: () => ({ server: { baggageTo: 'all' } }),
    async run(world) {
      const { side, peer } = await openedBare(world);
      await context.with(withTenant(), async () => side.send(BODY));
      assert.equal((await peer.received()).fields?.baggage, 'tenant=blue');
      await world.message('send');
    },
  },
  {
    name: 'sends no baggage to a server that must not have it',
    traceOptions: () => ({ client: { baggageTo: 'none' } }),
    async run(world) {
      const { peer } = await opened(world);
      await context.with(withTenant(), async () => peer.send(BODY));
      assert.equal((await world.seen('served')).tenant, undefined);
      assert.ok(await world.message('send'));
      await world.message('process');
    },
  },
  {
    name: 'uses the tracer provider and propagator that it is given instead of the global ones',
    traceOptions: (world) => ({ server: givenParts(world, 'xtrace') }),
    async run(world) {
      const { side, peer } = await openedBare(world);
      await side.send(BODY);
      const { fields } = await peer.received();
      assert.deepEqual(Object.keys(fields ?? {}), ['xtrace']);
      assert.equal(fields?.xtrace, (await world.message('send')).spanContext().traceId);
      assert.ok(world.notes.length > 0, 'the given provider was asked for a tracer');
    },
  },
  {
    name: 'throws a TypeError when it is set up with wrong options',
    needs: ['validation'],
    async run(world) {
      const { options } = world;
      for (const wrong of [
        { trust: 'never' },
        { ignore: true },
        { unknown: 1 },
        { contextFromQuery: 'yes' },
        { propagateTo: 'some' },
        { baggageTo: 7 },
        { messages: { relation: 'child' } },
        { messages: { spans: 'no' } },
        { messages: { unknown: 1 } },
      ])
        await assert.rejects(
          async () => options.open({ server: wrong as never }, world.listeners as never),
          TypeError,
          JSON.stringify(wrong),
        );
    },
  },
  throwing(
    'hooks, ignore and attributes throw',
    {
      traceOptions: () => ({
        server: {
          requestHook: planted('requestHook'),
          responseHook: planted('responseHook'),
          ignore: planted('ignore'),
          attributes: planted('attributes'),
          messages: { ignore: planted('messages.ignore') },
        },
        client: { ignore: planted('ignore'), attributes: planted('attributes') },
      }),
    },
    'kept',
  ),
  ...SDK_FAULTS.map((fault) => throwing(...fault)),
];
