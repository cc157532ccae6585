import { ServiceBusClient, type ServiceBusReceivedMessage } from '@azure/service-bus';
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { traceHandler, traceReceiver, traceSender } from '@throughline/messaging/service-bus';
import { createPropagator } from '@throughline/propagators';
import { createSpanCollector } from '@throughline/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const url = process.env.TL_SERVICE_BUS_URL;

describe.skipIf(!url)(`Service Bus${url ? '' : ' (skipped: TL_SERVICE_BUS_URL is not set)'}`, () => {
  const spans = createSpanCollector();
  let client: ServiceBusClient;

  beforeAll(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(createPropagator('tracecontext,baggage'));
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
    client = new ServiceBusClient(url as string);
  });
  afterEach(() => spans.assertClean());
  afterAll(async () => {
    await client?.close();
    trace.disable();
    context.disable();
    propagation.disable();
  });

  it('sends a batch that is filled message by message, each with a context of its own', async () => {
    const sender = traceSender(client.createSender('tl-batch'));
    const batch = await sender.createMessageBatch({ maxSizeInBytes: 10_000 });
    for (const body of ['a', 'b']) expect(batch.tryAddMessage({ body })).toBe(true);
    await sender.sendMessages(batch);
    const creates = await spans.takeMany(2, ({ name }) => name === 'create tl-batch');
    const send = await spans.take();
    const ids = creates.map((span) => span.spanContext().spanId);
    expect(send.links.map((link) => link.context.spanId)).toEqual(ids);

    const receiver = traceReceiver(client.createReceiver('tl-batch'));
    const handle = traceHandler(async (message: ServiceBusReceivedMessage) => {
      await receiver.completeMessage(message);
      return message.applicationProperties;
    });
    const taken: ServiceBusReceivedMessage[] = [];
    while (taken.length < 2) {
      taken.push(...(await receiver.receiveMessages(2)));
      await spans.take(({ name }) => name === 'receive tl-batch');
    }
    for (const [index, message] of taken.entries()) {
      const properties = await handle(message);
      const [complete, process] = await spans.takeMany(2);
      expect(complete?.name).toBe('complete tl-batch');
      expect(complete?.parentSpanContext?.spanId).toBe(process?.spanContext().spanId);
      expect(process?.parentSpanContext?.spanId).toBe(ids[index]);
      expect(properties).toEqual({
        traceparent: expect.stringContaining(ids[index] as string),
        'Diagnostic-Id': properties?.traceparent,
      });
    }
    await receiver.close();
  });

  it('comes to a subscription of a topic under the name of the topic', async () => {
    const receiver = traceReceiver(client.createReceiver('tl-topic', 'mailer'));
    const processed = new Promise((resolve) => {
      receiver.subscribe({
        processMessage: async () => resolve(trace.getActiveSpan()?.spanContext().traceId),
        processError: async () => {},
      });
    });
    // The double makes a subscription when its receiver asks for it.
    const probe = client.createReceiver('tl-topic', 'mailer', { receiveMode: 'receiveAndDelete' });
    await probe.receiveMessages(1, { maxWaitTimeInMs: 100 });
    await traceSender(client.createSender('tl-topic')).sendMessages({ body: 'a' });
    const traceId = await processed;
    const send = await spans.take(({ name }) => name === 'send tl-topic');
    expect(send.spanContext().traceId).toBe(traceId);
    expect(send.attributes['server.address']).toBe('localhost');
    expect((await spans.take(({ name }) => name === 'process tl-topic')).attributes).toMatchObject({
      'messaging.destination.subscription.name': 'mailer',
    });
    await receiver.close();
  });
});
