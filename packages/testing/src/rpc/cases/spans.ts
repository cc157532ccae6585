import assert from 'node:assert/strict';
import { SpanKind } from '@opentelemetry/api';
import { assertSpan } from '../../kit/trace-assertions.ts';
import type { RpcCase } from '../rpc-case.ts';

/** Every name with `rpc.` that the conventions have, but for captured headers. */
const RPC_NAMES: ReadonlySet<string> = new Set([
  'rpc.method',
  'rpc.method_original',
  'rpc.status_code',
  'rpc.system.name',
]);

export const rpcSpanCases: readonly RpcCase[] = [
  {
    name: 'makes a CLIENT and a SERVER span of a call of each kind, named and described by the conventions',
    async run(world) {
      const { methods, system, statusCode } = world.options;
      for (const kind of world.kinds) {
        await world.call(kind);
        for (const [span, spanKind] of [
          [await world.client(), SpanKind.CLIENT],
          [await world.server(), SpanKind.SERVER],
        ] as const) {
          assertSpan(span, spanKind, methods[kind]);
          const { attributes } = span;
          assert.equal(attributes['rpc.system.name'], system);
          assert.equal(attributes['rpc.method'], methods[kind]);
          assert.equal(attributes['rpc.status_code'], statusCode('OK'));
          assert.equal(attributes['server.address'], '127.0.0.1');
          assert.equal(typeof attributes['server.port'], 'number');
          const foreign = Object.keys(attributes).filter(
            (name) => /^rpc\./.test(name) && !RPC_NAMES.has(name),
          );
          assert.deepEqual(foreign, []);
        }
      }
    },
  },
  {
    name: 'names the address of the other side on both spans',
    needs: ['peer'],
    async run(world) {
      await world.call('unary');
      const [client, server] = [await world.client(), await world.server()];
      assert.equal(client.attributes['network.peer.address'], '127.0.0.1');
      assert.equal(client.attributes['network.peer.port'], client.attributes['server.port']);
      assert.equal(server.attributes['network.peer.address'], '127.0.0.1');
      assert.equal(typeof server.attributes['network.peer.port'], 'number');
      assert.equal(server.attributes['client.address'], '127.0.0.1');
    },
  },
  {
    name: 'records the call of a method that is not listed as one of method _OTHER',
    traceOptions: ({ options }) => ({ client: { methods: [options.methods.serverStream] } }),
    async run(world) {
      const { methods, system } = world.options;
      await world.call('unary');
      await world.call('serverStream');
      const [other, listed] = [await world.client(), await world.client()];
      assertSpan(other, SpanKind.CLIENT, system);
      assert.equal(other.attributes['rpc.method'], '_OTHER');
      assert.equal(other.attributes['rpc.method_original'], methods.unary);
      assertSpan(listed, SpanKind.CLIENT, methods.serverStream);
      assert.equal(listed.attributes['rpc.method_original'], undefined);
      const points = await world.metric('rpc.client.call.duration');
      assert.deepEqual(points.map(({ attributes }) => attributes['rpc.method']).sort(), [
        '_OTHER',
        methods.serverStream,
      ]);
      await world.spans.takeMany(2);
    },
  },
  {
    name: 'passes everything known at the start to the sampler',
    sampler: ({ notes }) => ({
      shouldSample(_context, _traceId, _name, _kind, attributes) {
        notes.push(attributes);
        return { decision: 2 };
      },
      toString: () => 'noting',
    }),
    async run(world) {
      await world.call('unary');
      const { methods, system } = world.options;
      assert.equal(world.notes.length, 2);
      for (const attributes of world.notes as Record<string, unknown>[]) {
        assert.equal(attributes['rpc.system.name'], system);
        assert.equal(attributes['rpc.method'], methods.unary);
        assert.equal(attributes['server.address'], '127.0.0.1');
      }
      await world.spans.takeMany(2);
    },
  },
  {
    name: 'names its scope, the version and the schema of the conventions',
    async run(world) {
      await world.call('unary');
      for (const { instrumentationScope } of await world.spans.takeMany(2)) {
        assert.notEqual(instrumentationScope.name, '');
        assert.match(instrumentationScope.version ?? '', /^\d+\.\d+\.\d+/);
        assert.match(
          instrumentationScope.schemaUrl ?? '',
          /^https:\/\/opentelemetry\.io\/schemas\/1\.\d+\.0$/,
        );
      }
    },
  },
];
