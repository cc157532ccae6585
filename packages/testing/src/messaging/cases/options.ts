import assert from 'node:assert/strict';
import { context, propagation, ROOT_CONTEXT, SpanKind } from '@opentelemetry/api';
import { givenParts } from '../../kit/given-parts.ts';
import { faultCase, planted, SDK_FAULTS } from '../../kit/planted-faults.ts';
import { assertSpan } from '../../kit/trace-assertions.ts';
import { REMOTE, traceparentOf } from '../../kit/traceparent.ts';
import { withTenant } from '../../kit/with-tenant.ts';
import type { MessagingCase, MessagingWorld } from '../messaging-case.ts';
import type { MessagingCapability, MessagingTraceOptions } from '../messaging-conformance-options.ts';
import { assertCarries, onWire } from '../on-wire.ts';

const throwing = faultCase<MessagingWorld, MessagingCapability, MessagingTraceOptions>(
  'sends and handles messages',
  async (world) => {
    await world.consume();
    await world.send('a');
    assert.equal((await world.handled()).body, 'a');
  },
  async (world) => {
    await world.span('send');
    await world.span('process');
  },
);

export const messagingOptionCases: readonly MessagingCase[] = [
  {
    name: 'makes no span of an ignored send and still sends the context along',
    traceOptions: () => ({ ignore: ({ type }) => type === 'send' }),
    async run(world) {
      const [, caller] = await world.inSpan(() => world.send('a'));
      assertCarries(await world.take(), caller);
    },
  },
  {
    name: 'makes no span of an ignored handler and still gives it the context of its message',
    traceOptions: () => ({ ignore: ({ type }) => type === 'process' }),
    async run(world) {
      await world.consume();
      await world.client.plant([{ body: 'a', metadata: { traceparent: traceparentOf() } }]);
      const { last } = await world.handled();
      assert.equal(last?.spanId, REMOTE.spanId);
    },
  },
  {
    name: 'uses the tracer provider and propagator that it is given instead of the global ones',
    traceOptions: (world) => givenParts(world, 'xtrace'),
    async run(world) {
      await world.send('a');
      const span = await world.span('send');
      assert.ok(world.notes.length > 0, 'the given provider was asked for a tracer');
      const sent = await world.take();
      assert.deepEqual(onWire(sent, 'xtrace'), [span.spanContext().traceId]);
      assert.deepEqual(onWire(sent, 'traceparent'), []);
    },
  },
  {
    name: 'names spans by the template of the destination',
    traceOptions: () => ({ destinationTemplate: () => 'template' }),
    async run(world) {
      await world.send('a');
      const span = await world.span('send');
      assertSpan(span, SpanKind.PRODUCER, `${world.options.names.send.split(' ')[0]} template`);
      assert.equal(span.attributes['messaging.destination.template'], 'template');
      assert.notEqual(span.attributes['messaging.destination.name'], 'template');
      await world.take();
    },
  },
  {
    name: 'sends no baggage where it must not go',
    traceOptions: () => ({ baggageTo: 'none' }),
    async run(world) {
      await context.with(withTenant(), () => world.send('a'));
      const sent = await world.take();
      assertCarries(sent, await world.span('send'));
      assert.deepEqual(onWire(sent, 'baggage'), []);
    },
  },
  {
    name: 'sends no baggage to destinations that are not listed',
    traceOptions: () => ({ baggageTo: ['no such destination', /^no such/] }),
    async run(world) {
      await context.with(withTenant(), () => world.send('a'));
      assert.deepEqual(onWire(await world.take(), 'baggage'), []);
      await world.span('send');
    },
  },
  {
    name: 'sends the baggage entries that may leave, and no other',
    traceOptions: () => ({ baggageEntries: ['tenant'] }),
    async run(world) {
      const baggage = propagation.createBaggage({ tenant: { value: 'blue' }, user: { value: '7' } });
      await context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), () => world.send('a'));
      assert.deepEqual(onWire(await world.take(), 'baggage'), ['tenant=blue']);
      await world.span('send');
    },
  },
  {
    name: 'adds what the attributes option returns',
    traceOptions: () => ({ attributes: ({ type }) => ({ 'app.operation': type }) }),
    async run(world) {
      await world.send('a');
      assert.equal((await world.span('send')).attributes['app.operation'], 'send');
      await world.take();
    },
  },
  {
    name: 'throws a TypeError when it is wrapped with wrong options',
    needs: ['validation'],
    async run(world) {
      for (const wrong of [
        { relation: 'child' },
        { maxAge: 'long' },
        { ignore: true },
        { unknown: 1 },
        { trust: 'never' },
        { baggageTo: 'some' },
      ])
        await assert.rejects(async () => world.connect(wrong as never), TypeError);
    },
  },
  throwing(
    'ignore, destinationTemplate and attributes throw',
    {
      traceOptions: () => ({
        ignore: planted('ignore'),
        destinationTemplate: planted('destinationTemplate'),
        attributes: planted('attributes'),
      }),
    },
    'kept',
  ),
  ...SDK_FAULTS.map((fault) => throwing(...fault)),
  throwing(
    'the meter provider throws',
    { meterProvider: () => ({ getMeter: planted('getMeter') }), needs: ['metrics'] },
    'kept',
  ),
];
