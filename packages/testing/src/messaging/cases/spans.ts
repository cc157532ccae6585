import assert from 'node:assert/strict';
import { SpanKind } from '@opentelemetry/api';
import { within } from '../../kit/deadline.ts';
import { createGate } from '../../kit/gate.ts';
import type { RecordedSpan } from '../../kit/recorded-span.ts';
import { assertErrorType, assertParent, assertSpan } from '../../kit/trace-assertions.ts';
import { REMOTE, traceparentOf } from '../../kit/traceparent.ts';
import type { MessagingCase } from '../messaging-case.ts';

function assertOperation(span: RecordedSpan, system: string, type: string): void {
  const { attributes } = span;
  assert.equal(attributes['messaging.system.name'], system);
  assert.equal(attributes['messaging.operation.type'], type);
  assert.equal(attributes['messaging.operation.name'], span.name.split(' ')[0]);
  assert.equal(typeof attributes['messaging.destination.name'], 'string');
  assert.equal(attributes['messaging.batch.message_count'], undefined, 'a single message has no batch count');
}

/** The attributes that identify a message, its place and its broker. */
const PLACE = [
  'messaging.system.name',
  'messaging.destination.name',
  'messaging.destination.template',
  'messaging.destination.anonymous',
  'messaging.destination.temporary',
  'messaging.destination.subscription.name',
  'messaging.consumer.group.name',
  'messaging.client.id',
  'server.address',
  'server.port',
];
const MESSAGE = [
  'messaging.destination.partition.id',
  'messaging.message.id',
  'messaging.message.conversation_id',
];

function assertAlike(one: RecordedSpan, other: RecordedSpan, names: readonly string[]): void {
  const of = ({ attributes }: RecordedSpan) =>
    Object.fromEntries(names.flatMap((name) => (name in attributes ? [[name, attributes[name]]] : [])));
  assert.deepEqual(of(one), of(other), `'${one.name}' and '${other.name}' are of one thing`);
}

export const messagingSpanCases: readonly MessagingCase[] = [
  {
    name: 'names the same message, place and broker on the span of its settlement as on that of its handler',
    needs: ['settle'],
    async run(world) {
      await world.client.consume(async (message) => {
        await message.settle?.();
        return world.note(message);
      });
      await world.client.plant([{ body: 'a', metadata: { traceparent: traceparentOf() } }]);
      await world.handled();
      assertAlike(await world.span('settle'), await world.span('process'), [...PLACE, ...MESSAGE]);
    },
  },
  {
    name: 'names the same place and broker on the span of a batch as on those of its messages, when received',
    needs: ['consumeBatch'],
    async run(world) {
      assert.ok(world.client.consumeBatch, 'the client consumes batches');
      await world.client.consumeBatch(async (messages, process) => {
        for (const message of messages) await process(message, () => world.note(message));
      });
      const bodies = ['0', '1'];
      await world.client.plant(bodies.map((body) => ({ body })));
      for (const _ of bodies) await world.handled();
      const receive = await world.span('receive');
      for (const _ of bodies) assertAlike(receive, await world.span('process'), PLACE);
    },
  },
  {
    name: 'names the same place and broker on the span of a batch as on those of its messages, when sent',
    needs: ['sendBatch'],
    async run(world) {
      assert.ok(world.client.sendBatch, 'the client sends batches');
      await world.client.sendBatch([{ body: '0' }, { body: '1' }]);
      const send = await world.span('send');
      for (const _ of ['0', '1']) {
        assertAlike(send, await world.span('create'), PLACE);
        await world.take();
      }
    },
  },
  {
    name: 'names the same broker on the span of a message that is sent as on that of its handler',
    async run(world) {
      await world.consume();
      await world.send('a');
      await world.handled();
      const names = ['messaging.system.name', 'server.address', 'server.port'];
      assertAlike(await world.span('send'), await world.span('process'), names);
    },
  },
  {
    name: 'makes a PRODUCER span of a send, named and described by the conventions',
    async run(world) {
      await world.send('a');
      const span = await world.span('send');
      assertSpan(span, SpanKind.PRODUCER, world.options.names.send);
      assertOperation(span, world.options.system, 'send');
      assertErrorType(span, undefined);
      await world.take();
    },
  },
  {
    name: 'makes a CONSUMER span of a handler, named and described by the conventions',
    async run(world) {
      await world.consume();
      await world.client.plant([{ body: 'a' }]);
      await world.handled();
      const span = await world.span('process');
      assertSpan(span, SpanKind.CONSUMER, world.options.names.process);
      assertOperation(span, world.options.system, 'process');
      assertErrorType(span, undefined);
    },
  },
  {
    name: 'makes a CLIENT span of a settlement, inside the handler that asks for it',
    needs: ['settle'],
    async run(world) {
      await world.client.consume(async (message) => {
        await message.settle?.();
        return world.note(message);
      });
      await world.client.plant([{ body: 'a', metadata: { traceparent: traceparentOf() } }]);
      await world.handled();
      const process = await world.span('process');
      const settle = await world.span('settle');
      assertSpan(settle, SpanKind.CLIENT, world.options.names.settle ?? '');
      assertOperation(settle, world.options.system, 'settle');
      assertParent(settle, process);
      assertParent(process, REMOTE);
    },
  },
  {
    name: 'marks a send that fails, and throws what the client threw',
    needs: ['failSend'],
    async run(world) {
      class Unsent extends Error {
        override readonly name = 'Unsent';
      }
      const error = new Unsent('planted');
      assert.ok(world.client.failNextSend, 'the spec file can make a send fail');
      world.client.failNextSend(error);
      const failure = await world.send('a').catch((thrown: unknown) => thrown);
      assert.ok(failure === error, `the error itself, not ${String(failure)}`);
      assertErrorType(await world.span('send'), 'Unsent');
    },
  },
  {
    name: 'passes everything known at the start to the sampler',
    sampler: (world) => ({
      shouldSample(_context, _traceId, name, kind, attributes) {
        world.notes.push({ name, kind, ...attributes });
        return { decision: 2 };
      },
      toString: () => 'noting sampler',
    }),
    async run(world) {
      await world.consume();
      await world.client.plant([{ body: 'a' }]);
      await world.handled();
      const { name, kind, attributes } = await world.span('process');
      assert.deepEqual(world.notes, [{ name, kind, ...attributes }]);
    },
  },
  {
    name: 'names its scope, the version and the schema of the conventions',
    async run(world) {
      await world.send('a');
      const { instrumentationScope: scope } = await world.span('send');
      assert.ok(scope.name !== '' && scope.version, `name and version, got ${JSON.stringify(scope)}`);
      assert.match(scope.schemaUrl ?? '', /^https:\/\/opentelemetry\.io\/schemas\/1\.\d+\.\d+$/);
      await world.take();
    },
  },
  {
    name: 'ends the span of a handler that is not asynchronous when it returns',
    async run(world) {
      const called = createGate();
      await world.client.consume(() => called.open());
      await world.client.plant([{ body: 'a' }]);
      await within(called.passed, () => 'the handler to be called');
      await world.span('process');
    },
  },
];
