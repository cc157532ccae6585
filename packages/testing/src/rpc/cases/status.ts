import assert from 'node:assert/strict';
import { createGate, withResolvers } from '../../kit/gate.ts';
import type { RecordedSpan } from '../../kit/recorded-span.ts';
import { assertErrorType } from '../../kit/trace-assertions.ts';
import type { RpcCase, RpcWorld } from '../rpc-case.ts';
import { needsOf, RpcFailure, type RpcHandler, type RpcKind } from '../rpc-under-test.ts';

const SERVER_ERRORS = [
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
];
const CALLER_ERRORS = [
  'CANCELLED',
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNAUTHENTICATED',
];

const failing = (status: string): RpcHandler =>
  // biome-ignore lint/correctness/useYield: it fails instead
  async function* fail() {
    throw new RpcFailure(status);
  };

/** Asserts the status that a span names; `errors`: whether it is one. */
function assertStatus({ options }: RpcWorld, span: RecordedSpan, status: string, errors: boolean): void {
  const code = options.statusCode(status);
  assert.equal(span.attributes['rpc.status_code'], code, span.name);
  assertErrorType(span, errors ? code : undefined);
}

/** Returns a handler that never answers, and a promise that its call has arrived. */
function hanging() {
  const arrived = withResolvers<void>();
  const handler: RpcHandler = async function* hang() {
    yield 'first';
    arrived.resolve();
    await new Promise(() => {});
  };
  const silent: RpcHandler = async function* silent() {
    arrived.resolve();
    await new Promise(() => {});
    yield '';
  };
  return { arrived: arrived.promise, of: (kind: RpcKind) => (kind === 'unary' ? silent : handler) };
}

export const rpcStatusCases: readonly RpcCase[] = [
  {
    name: 'marks both spans of a call that the server failed to serve',
    async run(world) {
      for (const status of SERVER_ERRORS) {
        world.handle(failing(status));
        assert.equal((await world.call('serverStream')).status, status);
        assertStatus(world, await world.client(), status, true);
        assertStatus(world, await world.server(), status, true);
      }
    },
  },
  {
    name: 'marks the CLIENT span alone of a call that the server refused',
    async run(world) {
      for (const status of CALLER_ERRORS) {
        world.handle(failing(status));
        assert.equal((await world.call('unary')).status, status);
        assertStatus(world, await world.client(), status, true);
        assertStatus(world, await world.server(), status, false);
      }
    },
  },
  ...(['unary', 'serverStream'] as const).map(
    (kind): RpcCase => ({
      name: `records the status that the library sends for an error that is none of its own (${kind})`,
      async run(world) {
        // biome-ignore lint/correctness/useYield: it fails instead
        world.handle(async function* () {
          throw new RangeError('out of stock');
        });
        const { plainErrorStatus } = world.options;
        assert.equal((await world.call(kind)).status, plainErrorStatus);
        assertStatus(world, await world.client(), plainErrorStatus, true);
        assertStatus(world, await world.server(), plainErrorStatus, true);
      },
    }),
  ),
  {
    name: 'names what is recorded of an error by its type, and not by the number of a status',
    async run(world) {
      world.handle(failing('INTERNAL'));
      await world.call('unary');
      for (const { name, events } of [await world.client(), await world.server()])
        for (const { attributes } of events.filter((event) => event.name === 'exception'))
          assert.match(String(attributes?.['exception.type']), /^[A-Za-z_$]/, `exception.type of ${name}`);
    },
  },
  ...(['unary', 'serverStream'] as const).map(
    (kind): RpcCase => ({
      name: `ends both spans when the caller cancels (${kind})`,
      async run(world) {
        const { arrived, of } = hanging();
        world.handle(of(kind));
        const cancel = new AbortController();
        const answer = world.call(kind, { signal: cancel.signal });
        await arrived;
        assert.equal(world.spans.open().length, 2);
        cancel.abort();
        assert.equal((await answer).status, 'CANCELLED');
        assertStatus(world, await world.client(), 'CANCELLED', true);
        assertStatus(world, await world.server(), 'CANCELLED', false);
      },
    }),
  ),
  {
    name: "ends both spans at the caller's deadline, though the handler never answers",
    async run(world) {
      let arrived = false;
      world.handle(async function* () {
        arrived = true;
        await new Promise(() => {});
        yield '';
      });
      // On a busy machine, a short deadline passes before the call has arrived.
      for (let timeoutMs = 40; !arrived; timeoutMs *= 3) {
        assert.equal((await world.call('unary', { timeoutMs })).status, 'DEADLINE_EXCEEDED');
        assertStatus(world, await world.client(), 'DEADLINE_EXCEEDED', true);
      }
      // The two clocks may differ by a hair, and the caller may be first to give up.
      const codes = ['DEADLINE_EXCEEDED', 'CANCELLED'].map(world.options.statusCode);
      // A call before the last may have arrived and ended without reaching the handler.
      do {
        const code = (await world.server()).attributes['rpc.status_code'];
        assert.ok(codes.includes(code as string), `a status of one who gave up, got ${code}`);
      } while (world.spans.open().length + world.spans.ended().length > 0);
    },
  },
  {
    name: 'records the deadline that the server keeps by itself',
    needs: ['serverDeadline'],
    async run(world) {
      world.handle(hanging().of('unary'));
      assert.equal((await world.call('unary', { serverTimeoutMs: 40 })).status, 'DEADLINE_EXCEEDED');
      assertStatus(world, await world.client(), 'DEADLINE_EXCEEDED', true);
      assertStatus(world, await world.server(), 'DEADLINE_EXCEEDED', true);
    },
  },
  {
    name: 'records that a message was too large, as the library answers it',
    needs: ['tooLarge'],
    async run(world) {
      const { status } = await world.call('clientStream', { messages: ['a', 'x'.repeat(5_000_000)] });
      assert.equal(status, 'RESOURCE_EXHAUSTED');
      assertStatus(world, await world.client(), status, true);
      assertStatus(world, await world.server(), status, false);
    },
  },
  {
    name: 'ends both spans when the connection breaks',
    needs: ['kill'],
    async run(world) {
      const { arrived, of } = hanging();
      world.handle(of('serverStream'));
      const answer = world.call('serverStream');
      await arrived;
      await world.rpc.kill?.();
      const { status } = await answer;
      assert.notEqual(status, 'OK');
      assertStatus(world, await world.client(), status, true);
      assertStatus(world, await world.server(), 'CANCELLED', false);
    },
  },
  ...(['clientStream', 'serverStream', 'bidi'] as const).map(
    (kind): RpcCase => ({
      name: `keeps both spans open for as long as the streams of a call (${kind})`,
      needs: needsOf(kind),
      async run(world) {
        const { passed, open } = createGate();
        const read = withResolvers<void>();
        world.handle(async function* ({ messages }) {
          for await (const message of messages) if (kind !== 'clientStream') yield message;
          read.resolve();
          await passed;
          yield 'last';
        });
        const answer = world.call(kind, { messages: ['a', 'b'].slice(0, kind === 'serverStream' ? 1 : 2) });
        await read.promise;
        await new Promise((next) => setTimeout(next, 5));
        assert.equal(world.spans.open().length, 2, 'both spans are open');
        open();
        assert.equal((await answer).messages.at(-1), 'last');
        assertStatus(world, await world.client(), 'OK', false);
        assertStatus(world, await world.server(), 'OK', false);
      },
    }),
  ),
];
