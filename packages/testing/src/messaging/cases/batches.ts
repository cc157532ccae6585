import assert from 'node:assert/strict';
import { SpanKind } from '@opentelemetry/api';
import { assertErrorType, assertLinks, assertParent, assertSpan } from '../../kit/trace-assertions.ts';
import { remoteCaller, traceparentOf } from '../../kit/traceparent.ts';
import type { MessagingCase, MessagingWorld } from '../messaging-case.ts';
import { assertCarries, onWire } from '../on-wire.ts';

const BODIES = ['0', '1', '2'];

const messages = () =>
  BODIES.map((body) => ({ body, metadata: { traceparent: traceparentOf(remoteCaller(Number(body))) } }));

async function sendBatch(world: MessagingWorld, metadata: Record<string, string>[] = []): Promise<void> {
  assert.ok(world.client.sendBatch, 'the client sends batches');
  await world.client.sendBatch(
    BODIES.map((body, n) => ({ body, ...(metadata[n] && { metadata: metadata[n] }) })),
  );
}

export const batchCases: readonly MessagingCase[] = [
  {
    name: 'gives every message of a batch a context of its own, to which the send links',
    needs: ['sendBatch'],
    async run(world) {
      const [, caller] = await world.inSpan(() => sendBatch(world));
      const creates = await world.spans.takeMany(
        BODIES.length,
        ({ attributes }) => attributes['messaging.operation.type'] === 'create',
      );
      for (const create of creates) {
        assertSpan(create, SpanKind.PRODUCER, world.options.names.create ?? '');
        assertParent(create, caller);
        assertCarries(await world.take(), create);
      }
      const send = await world.span('send');
      assertSpan(send, SpanKind.CLIENT, world.options.names.send);
      assertParent(send, caller);
      assertLinks(
        send,
        creates.map((create) => create.spanContext()),
      );
      assert.equal(send.attributes['messaging.batch.message_count'], BODIES.length);
    },
  },
  {
    name: 'keeps the creation context that a message of a batch holds already',
    needs: ['sendBatch'],
    async run(world) {
      await sendBatch(world, [{ traceparent: traceparentOf() }]);
      assert.deepEqual(onWire(await world.take(), 'traceparent'), [traceparentOf()]);
      for (const _ of BODIES.slice(1)) assertCarries(await world.take(), await world.span('create'));
      assert.equal((await world.span('send')).links.length, BODIES.length);
    },
  },
  {
    name: 'makes one receive span of a batch, with links to all its messages, around their handlers',
    needs: ['consumeBatch'],
    async run(world) {
      assert.ok(world.client.consumeBatch, 'the client consumes batches');
      await world.client.consumeBatch(async (messages, process) => {
        for (const message of messages) await process(message, () => world.note(message));
      });
      await world.client.plant(messages());
      for (const expected of BODIES) {
        const { body, first, last } = await world.handled();
        assert.equal(body, expected);
        const span = await world.span('process');
        assertSpan(span, SpanKind.CONSUMER, world.options.names.process);
        assertLinks(span, [remoteCaller(Number(body))]);
        assert.equal(first?.spanId, span.spanContext().spanId);
        assert.equal(last?.spanId, span.spanContext().spanId);
        world.notes.push(span);
      }
      const receive = await world.span('receive');
      assertSpan(receive, SpanKind.CLIENT, world.options.names.receive ?? '');
      assertLinks(
        receive,
        BODIES.map((body) => remoteCaller(Number(body))),
      );
      assert.equal(receive.attributes['messaging.batch.message_count'], BODIES.length);
      for (const span of world.notes) assertParent(span as typeof receive, receive);
    },
  },
  {
    name: "continues each message's trace inside a batch, with relation both, and links to the batch",
    needs: ['consumeBatch'],
    traceOptions: () => ({ relation: 'both' }),
    async run(world) {
      await world.client.consumeBatch?.(async (messages, process) => {
        await Promise.all(messages.map((message) => process(message, () => world.note(message))));
      });
      await world.client.plant(messages());
      const handled = [];
      for (const _ of BODIES) handled.push(await world.handled());
      const receive = await world.span('receive');
      for (const { body, last } of handled) {
        assert.equal(last?.traceId, remoteCaller(Number(body)).traceId);
        const span = await world.spans.take((ended) => ended.spanContext().spanId === last.spanId);
        assertParent(span, remoteCaller(Number(body)));
        assertLinks(span, [remoteCaller(Number(body)), receive.spanContext()]);
      }
    },
  },
  {
    name: 'marks the message that failed in a batch, and no other',
    needs: ['consumeBatch'],
    async run(world) {
      await world.client.consumeBatch?.(async (messages, process) => {
        for (const message of messages) {
          const refuse = message.body === '1' ? () => Promise.reject(new RangeError('planted')) : undefined;
          await Promise.resolve(process(message, refuse ?? (() => world.note(message)))).catch(() => {});
        }
      });
      await world.client.plant(messages());
      await world.handled();
      await world.handled();
      assertErrorType(await world.span('process'), undefined);
      assertErrorType(await world.span('process'), 'RangeError');
      assertErrorType(await world.span('process'), undefined);
      assertErrorType(await world.span('receive'), undefined);
    },
  },
];
