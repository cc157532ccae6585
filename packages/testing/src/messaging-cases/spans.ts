import assert from 'node:assert/strict';
import { SpanKind } from '@opentelemetry/api';
import { within } from '../deadline.ts';
import { createGate } from '../gate.ts';
import type { MessagingCase } from '../messaging-stage.ts';
import type { RecordedSpan } from '../recorded-span.ts';
import { assertErrorType, assertParent, assertSpan } from '../trace-assertions.ts';
import { REMOTE, traceparentOf } from '../traceparent.ts';

function assertOperation(span: RecordedSpan, system: string, type: string): void {
  const { attributes } = span;
  assert.equal(attributes['messaging.system'], system);
  assert.equal(attributes['messaging.operation.type'], type);
  assert.equal(attributes['messaging.operation.name'], span.name.split(' ')[0]);
  assert.equal(typeof attributes['messaging.destination.name'], 'string');
  assert.equal(attributes['messaging.batch.message_count'], undefined, 'a single message has no batch count');
}

export const messagingSpanCases: readonly MessagingCase[] = [
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
