import { SpanKind, trace } from '@opentelemetry/api';
import { traceHandler, traceReceiver, traceSender } from '@throughline/messaging/service-bus';
import type { SpanCollector } from '@throughline/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeMessage, FakeQueue } from './fake-service-bus.ts';
import { asCaller, startRecording, stopRecording, TRACE_ID, TRACEPARENT } from './recording.ts';

const CALLER = { traceparent: TRACEPARENT, tracestate: 'vendor=1', baggage: 'tenant=acme' };
const OTHER = TRACEPARENT.replace(TRACE_ID, 'f'.repeat(32));

let spans: SpanCollector;
let queue: FakeQueue;
beforeEach(() => {
  spans = startRecording();
  queue = new FakeQueue();
});
afterEach(() => stopRecording(spans));

const activeTraceId = () => trace.getActiveSpan()?.spanContext().traceId;
const traceparentOf = (message: FakeMessage | undefined) => message?.applicationProperties?.traceparent;

describe('a sender', () => {
  it('writes the traceparent twice, for us and for the libraries of Azure', async () => {
    const message = Object.freeze({
      body: 'a',
      messageId: '7',
      applicationProperties: Object.freeze({ kind: 1 }),
    });
    await asCaller(CALLER, () => traceSender(queue.createSender()).sendMessages(message));
    const span = await spans.take();
    const traceparent = expect.stringContaining(span.spanContext().spanId);
    expect(queue.messages[0]?.applicationProperties).toEqual({
      kind: 1,
      traceparent,
      tracestate: 'vendor=1',
      baggage: 'tenant=acme',
      'Diagnostic-Id': traceparent,
    });
    expect(span).toMatchObject({
      name: 'send orders',
      kind: SpanKind.PRODUCER,
      attributes: { 'messaging.message.id': '7', 'server.address': 'shop.servicebus.windows.net' },
    });
  });

  it('writes both for a trace that is not sampled', async () => {
    const unsampled = { traceparent: TRACEPARENT.replace(/01$/, '00') };
    await asCaller(unsampled, () => traceSender(queue.createSender()).sendMessages({ body: 'a' }));
    const written = queue.messages[0]?.applicationProperties;
    expect(written?.traceparent).toMatch(new RegExp(`^00-${TRACE_ID}-.*-00$`));
    expect(written?.['Diagnostic-Id']).toBe(written?.traceparent);
  });

  it('replaces a Diagnostic-Id that is none', async () => {
    const applicationProperties = { 'diagnostic-id': '|4bf92f35.1.' };
    await traceSender(queue.createSender()).sendMessages({ body: 'a', applicationProperties });
    const { spanId } = (await spans.take()).spanContext();
    expect(queue.messages[0]?.applicationProperties).toEqual({
      traceparent: expect.stringContaining(spanId),
      'Diagnostic-Id': expect.stringContaining(spanId),
    });
  });

  it('keeps the context that a message has from elsewhere, by either name', async () => {
    const sender = traceSender(queue.createSender());
    for (const applicationProperties of [{ traceparent: TRACEPARENT }, { 'Diagnostic-Id': TRACEPARENT }]) {
      await sender.sendMessages({ body: 'a', applicationProperties });
      const send = await spans.take();
      expect(send.kind).toBe(SpanKind.CLIENT);
      expect(send.links.map(({ context }) => context.traceId)).toEqual([TRACE_ID]);
      expect(queue.messages.pop()?.applicationProperties).toEqual(applicationProperties);
    }
  });

  it('schedules messages with a context each', async () => {
    const time = new Date(2030, 0);
    const sender = traceSender(queue.createSender());
    expect(await sender.scheduleMessages([{ body: 'a' }, { body: 'b' }], time)).toEqual([0, 1]);
    const creates = await spans.takeMany(2, ({ name }) => name === 'create orders');
    expect((await spans.take()).name).toBe('schedule orders');
    expect(queue.scheduled[0]?.[1]).toBe(time);
    const scheduled = queue.scheduled[0]?.[0] as FakeMessage[];
    for (const [index, create] of creates.entries())
      expect(traceparentOf(scheduled[index])).toContain(create.spanContext().spanId);
    expect(await sender.scheduleMessages({ body: 'c' }, time)).toEqual([0]);
    expect((await spans.take()).kind).toBe(SpanKind.PRODUCER);
  });

  it('fills a batch with messages that have a context each, and links the send to them', async () => {
    const sender = traceSender(queue.createSender());
    const batch = await sender.createMessageBatch();
    const [fits, tooBig] = asCaller(CALLER, () => [
      [batch.tryAddMessage({ body: 'a' }), batch.tryAddMessage({ body: 'b' })],
      batch.tryAddMessage({ body: 'x'.repeat(2000) }),
    ]) as [boolean[], boolean];
    expect([...fits, tooBig]).toEqual([true, true, false]);
    const creates = await spans.takeMany(3, ({ name }) => name === 'create orders');
    await sender.sendMessages(batch);
    const send = await spans.take();
    expect(send).toMatchObject({ name: 'send orders', kind: SpanKind.CLIENT });
    expect(send.attributes['messaging.batch.message_count']).toBe(2);
    const ids = creates.slice(0, 2).map((span) => span.spanContext().spanId);
    expect(send.links.map(({ context }) => context.spanId)).toEqual(ids);
    for (const [index, id] of ids.entries()) {
      expect(creates[index]?.spanContext().traceId).toBe(TRACE_ID);
      expect(traceparentOf(queue.messages[index])).toContain(id);
    }
  });

  it('sends a batch that was made elsewhere as it is', async () => {
    const raw = queue.createSender();
    const batch = await raw.createMessageBatch();
    batch.tryAddMessage({ body: 'a' });
    await traceSender(raw).sendMessages(batch);
    expect((await spans.take()).attributes['messaging.batch.message_count']).toBe(1);
    expect(queue.messages).toEqual([{ body: 'a' }]);
  });

  it('leaves what is no message for the client to refuse', async () => {
    await expect(traceSender(queue.createSender()).sendMessages(undefined as never)).rejects.toThrow(
      'messages are missing',
    );
    expect((await spans.take()).attributes['error.type']).toBe('TypeError');
  });
});

describe('a receiver', () => {
  const received = (applicationProperties: FakeMessage['applicationProperties'] = {}): FakeMessage => ({
    body: 'a',
    messageId: '7',
    deliveryCount: 1,
    applicationProperties,
    enqueuedTimeUtc: new Date(1_700_000_000_000),
  });

  it.each([
    ['traceparent', { traceparent: TRACEPARENT }],
    ['Diagnostic-Id', { 'Diagnostic-Id': TRACEPARENT }],
    ['traceparent before Diagnostic-Id', { traceparent: TRACEPARENT, 'Diagnostic-Id': OTHER }],
  ])('reads %s', async (_, properties) => {
    const seen = new Promise((resolve) => {
      traceReceiver(queue.createReceiver()).subscribe({
        processMessage: async () => resolve(activeTraceId()),
        processError: async () => {},
      });
    });
    queue.add(received(properties));
    expect(await seen).toBe(TRACE_ID);
    expect((await spans.take()).attributes).toMatchObject({
      'messaging.system.name': 'azure.servicebus',
      'messaging.destination.name': 'orders',
      'azure.servicebus.message.delivery_count': 1,
      'azure.servicebus.message.enqueued_time': 1_700_000_000,
    });
  });

  it('keeps handlers that are methods of an object theirs', async () => {
    class Mailer {
      readonly handled: unknown[] = [];
      async processMessage({ body }: FakeMessage) {
        this.handled.push(body);
      }
      async processError() {}
    }
    const mailer = new Mailer();
    traceReceiver(queue.createReceiver()).subscribe(mailer);
    queue.add(received());
    await spans.take();
    expect(mailer.handled).toEqual(['a']);
  });

  it('receives in a span that links to what came, which its handler counts no more', async () => {
    queue.add(received({ traceparent: TRACEPARENT }), received());
    const messages = await traceReceiver(queue.createReceiver()).receiveMessages(10);
    const receive = await spans.take();
    expect(receive).toMatchObject({ name: 'receive orders', kind: SpanKind.CLIENT });
    expect(receive.links).toHaveLength(1);
    expect(traceHandler(activeTraceId)(messages[0] as FakeMessage)).toBe(TRACE_ID);
    expect((await spans.take()).name).toBe('process orders');
  });

  it('knows where a message came from whose receive is ignored', async () => {
    queue.add(received());
    const ignore = ({ type }: { type: string }) => type === 'receive';
    const [message] = await traceReceiver(queue.createReceiver(), { ignore }).receiveMessages(1);
    traceHandler(() => {})(message as FakeMessage);
    expect((await spans.take()).name).toBe('process orders');
  });

  it('names the topic of a subscription', async () => {
    queue = new FakeQueue('events/Subscriptions/mailer');
    await traceReceiver(queue.createReceiver()).receiveMessages(1);
    expect((await spans.take()).attributes).toMatchObject({
      'messaging.destination.name': 'events',
      'messaging.destination.subscription.name': 'mailer',
    });
  });

  it('says how a message was settled', async () => {
    const receiver = traceReceiver(queue.createReceiver());
    const message = received({ traceparent: TRACEPARENT });
    await receiver.completeMessage(message);
    await receiver.abandonMessage(message, { reason: 'busy' });
    await receiver.deferMessage(message);
    await receiver.deadLetterMessage(message);
    const settled = await spans.takeMany(4);
    expect(settled.map(({ name }) => name)).toEqual([
      'complete orders',
      'abandon orders',
      'defer orders',
      'dead_letter orders',
    ]);
    for (const span of settled) {
      expect(span.links.map(({ context }) => context.traceId)).toEqual([TRACE_ID]);
      expect(`${span.attributes['azure.servicebus.disposition_status']} orders`).toBe(span.name);
    }
    expect(queue.settled[1]).toEqual(['abandon', message, { reason: 'busy' }]);
    expect(queue.settled[1]?.[1]).toBe(message);
  });
});
