import { type Message, PubSub } from '@google-cloud/pubsub';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { traceSubscription, traceTopic } from '@throughline/messaging/pubsub';
import { createPropagator } from '@throughline/propagators';
import { createSpanCollector } from '@throughline/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

const url = process.env.TL_PUBSUB_URL;

describe.skipIf(!url)(`Pub/Sub${url ? '' : ' (skipped: TL_PUBSUB_URL is not set)'}`, () => {
  const spans = createSpanCollector();

  beforeAll(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(createPropagator('tracecontext,baggage'));
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
  });
  afterAll(() => {
    trace.disable();
    context.disable();
    propagation.disable();
  });

  it("shares one trace with the library's own spans, and neither overwrites the other", async () => {
    const warn = vi.spyOn(console, 'warn');
    const client = new PubSub({
      projectId: 'any',
      apiEndpoint: new URL(url as string).host,
      emulatorMode: true,
      enableOpenTelemetryTracing: true,
    });
    const [topic] = await client.createTopic('tl-both');
    const [bare] = await topic.createSubscription('tl-both-consumer');
    const subscription = traceSubscription(bare);
    const received = new Promise<Message>((resolve) => {
      subscription.on('message', async (message: Message) => {
        await message.ackWithResponse();
        resolve(message);
      });
    });
    await traceTopic(topic).publishMessage({ data: Buffer.from('both') });
    const { attributes } = await received;
    const publish = await spans.take(({ name }) => name === 'send tl-both');
    const process = await spans.take(
      ({ kind, name }) => kind === SpanKind.CONSUMER && name.startsWith('process'),
    );
    await subscription.close();
    await client.close();
    const { traceId, spanId } = publish.spanContext();
    expect(process.spanContext().traceId).toBe(traceId);
    expect(process.parentSpanContext?.spanId).toBe(spanId);
    expect(attributes.traceparent).toContain(spanId);
    expect(attributes.googclient_traceparent).toContain(traceId);
    expect(attributes.googclient_traceparent).not.toContain(spanId);
    // The library gives its batches and acknowledgements, which serve several messages, traces of their own.
    for (const operation of ['create', 'subscribe']) {
      const span = await spans.take(
        ({ name }) => name.endsWith(`tl-both ${operation}`) || name.endsWith(`tl-both-consumer ${operation}`),
      );
      expect(span.spanContext().traceId).toBe(traceId);
    }
    expect(warn).not.toHaveBeenCalled();
  });
});
