import assert from 'node:assert/strict';
import { propagation } from '@opentelemetry/api';
import { givenParts } from '../../kit/given-parts.ts';
import { faultCase, HOOK_FAULTS, planted, SDK_FAULTS } from '../../kit/planted-faults.ts';
import { assertParent, assertRoot } from '../../kit/trace-assertions.ts';
import { parseTraceparent } from '../../kit/traceparent.ts';
import { withTenant } from '../../kit/with-tenant.ts';
import type { RpcCase, RpcWorld } from '../rpc-case.ts';
import type { RpcBothTraceOptions, RpcCapability } from '../rpc-conformance-options.ts';

const throwing = faultCase<RpcWorld, RpcCapability, RpcBothTraceOptions>(
  'answers every call',
  async (world) => {
    for (const kind of world.kinds)
      assert.deepEqual(await world.call(kind), { messages: ['a'], status: 'OK' });
  },
  (world) => world.spans.takeMany(2 * world.kinds.length),
);

const both = <T extends object>(options: T) => ({ server: options, client: options });

/** Has the handler note the values of a name that arrive. */
function receiving(world: RpcWorld, name: string): string[] {
  const received: string[] = [];
  world.handle(async function* ({ metadata }) {
    received.push(...metadata(name));
    yield '';
  });
  return received;
}

export const rpcOptionCases: readonly RpcCase[] = [
  {
    name: 'makes no span of an ignored outgoing call and still sends the context along',
    traceOptions: () => ({ client: { ignore: () => true }, server: false }),
    async run(world) {
      const sent = receiving(world, 'traceparent');
      const [, caller] = await world.inSpan(() => world.call('unary'));
      assert.equal(parseTraceparent(sent[0])?.spanId, caller.spanContext().spanId);
      assert.deepEqual(await world.metric('rpc.client.call.duration'), []);
    },
  },
  {
    name: 'makes no span of an ignored incoming call and still gives its handler the context',
    traceOptions: () => ({ server: { ignore: ({ method }) => method !== '' } }),
    async run(world) {
      world.handle(async function* () {
        world.see('handler');
        yield '';
      });
      await world.call('unary');
      const client = await world.client();
      assert.equal(world.sightings[0]?.span?.spanId, client.spanContext().spanId);
      assert.deepEqual(await world.metric('rpc.server.call.duration'), []);
    },
  },
  {
    name: 'uses the tracer provider and propagator that it is given instead of the global ones',
    traceOptions: (world) => ({ client: givenParts(world, 'xtrace') }),
    async run(world) {
      let fields: (readonly string[])[] = [];
      world.handle(async function* ({ metadata }) {
        fields = [metadata('xtrace'), metadata('traceparent')];
        yield '';
      });
      await world.call('unary');
      const client = await world.client();
      assert.ok(world.notes.length > 0, 'the given provider was asked for a tracer');
      assert.deepEqual(fields, [[client.spanContext().traceId], []]);
      assertRoot(await world.server());
    },
  },
  {
    name: 'sends nothing to servers that are not listed',
    traceOptions: () => ({ client: { propagateTo: ['*.example.com', /^no such/] } }),
    async run(world) {
      const sent = receiving(world, 'traceparent');
      await world.call('unary');
      assert.deepEqual(sent, []);
      assertRoot(await world.client());
      assertRoot(await world.server());
    },
  },
  {
    name: 'sends the trace to a server that is listed by its address',
    traceOptions: () => ({ client: { propagateTo: ['127.0.0.1'] } }),
    async run(world) {
      await world.call('unary');
      assertParent(await world.server(), await world.client());
    },
  },
  {
    name: 'sends no baggage where it must not go',
    traceOptions: () => ({ client: { baggageTo: 'none' } }),
    async run(world) {
      const sent = receiving(world, 'baggage');
      await world.inSpan(() => world.call('unary'), withTenant);
      assert.deepEqual(sent, []);
      assertParent(await world.server(), await world.client());
    },
  },
  {
    name: 'sends the baggage entries that may leave, and no other',
    traceOptions: () => ({ client: { baggageEntries: ['tenant'] } }),
    async run(world) {
      const sent = receiving(world, 'baggage');
      const baggage = propagation.createBaggage({ tenant: { value: 'blue' }, user: { value: '7' } });
      await world.inSpan(
        () => world.call('unary'),
        (ctx) => propagation.setBaggage(ctx, baggage),
      );
      assert.deepEqual(sent, ['tenant=blue']);
      await world.spans.takeMany(2);
    },
  },
  {
    name: 'adds what the attributes option returns',
    traceOptions: () => both({ attributes: ({ method }: { method: string }) => ({ 'app.method': method }) }),
    async run(world) {
      await world.call('unary');
      for (const { attributes } of await world.spans.takeMany(2))
        assert.equal(attributes['app.method'], world.options.methods.unary);
    },
  },
  {
    name: 'calls each hook once, with the span, the call and its outcome',
    traceOptions: ({ notes }) =>
      both({
        requestHook: ({ span, request }) => {
          notes.push(['request', request.method]);
          span.setAttribute('app.hook', 'request');
        },
        responseHook: ({ span, request, outcome }) => {
          notes.push(['response', request.method, outcome.statusCode]);
          span.setAttribute('app.end', true);
        },
      } satisfies Exclude<RpcBothTraceOptions['server'], false | undefined>),
    async run(world) {
      const { methods, statusCode } = world.options;
      await world.call('unary');
      const spans = await world.spans.takeMany(2);
      const request = ['request', methods.unary];
      const response = ['response', methods.unary, statusCode('OK')];
      assert.deepEqual(
        (world.notes as string[][]).sort(([a = ''], [b = '']) => a.localeCompare(b)),
        [request, request, response, response],
      );
      for (const { attributes } of spans)
        assert.deepEqual([attributes['app.hook'], attributes['app.end']], ['request', true]);
    },
  },
  {
    name: 'throws a TypeError when it is made with wrong options',
    needs: ['validation'],
    async run(world) {
      const wrong: object[] = [{ ignore: true }, { unknown: 1 }, { propagator: {} }, { requestHook: 'no' }];
      for (const options of [...wrong, { trust: 'never' }])
        await assert.rejects(async () => world.connect({ server: options as never }), TypeError);
      for (const options of [...wrong, { propagateTo: 'some' }, { baggageTo: ['a/b'] }, { methods: [1] }])
        await assert.rejects(async () => world.connect({ client: options as never }), TypeError);
    },
  },
  throwing(
    'ignore, attributes and trust throw',
    {
      traceOptions: () => ({
        server: {
          ignore: planted('ignore'),
          attributes: planted('attributes'),
          trust: planted('trust'),
        },
        client: { ignore: planted('ignore'), attributes: planted('attributes') },
      }),
    },
    'kept',
  ),
  ...HOOK_FAULTS.map(([what, fault, spans]) =>
    throwing(what, { traceOptions: () => both(fault.traceOptions()) }, spans),
  ),
  ...SDK_FAULTS.map((fault) => throwing(...fault)),
  throwing('the meter provider throws', { meterProvider: () => ({ getMeter: planted('getMeter') }) }, 'kept'),
];
