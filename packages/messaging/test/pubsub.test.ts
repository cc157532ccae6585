import { SpanKind, trace } from '@opentelemetry/api';
import { traceHandler, tracePushHandler, traceSubscription, traceTopic } from '@throughline/messaging/pubsub';
import type { SpanCollector } from '@throughline/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeMessage, FakeTopic } from './fake-pubsub.ts';
import { asCaller, reports, startRecording, stopRecording, TRACE_ID, TRACEPARENT } from './recording.ts';

const CALLER = { traceparent: TRACEPARENT, tracestate: 'vendor=1', baggage: 'tenant=acme' };
const OTHER = TRACEPARENT.replace(TRACE_ID, 'f'.repeat(32));
const data = Buffer.from('body');

let spans: SpanCollector;
beforeEach(() => {
  spans = startRecording();
});
afterEach(() => stopRecording(spans));

const activeTraceId = () => trace.getActiveSpan()?.spanContext().traceId;

describe('a topic', () => {
  it('writes the fields under their own names and the trace under those of Google too', async () => {
    const topic = new FakeTopic();
    await asCaller(CALLER, () => traceTopic(topic).publishMessage({ data, orderingKey: 'k' }));
    const span = await spans.take();
    const traceparent = expect.stringContaining(span.spanContext().spanId);
    expect(topic.published[0]?.attributes).toEqual({
      traceparent,
      tracestate: 'vendor=1',
      baggage: 'tenant=acme',
      googclient_traceparent: traceparent,
      googclient_tracestate: 'vendor=1',
    });
    expect(span).toMatchObject({
      name: 'send orders',
      kind: SpanKind.PRODUCER,
      attributes: { 'messaging.message.id': '1', 'gcp.pubsub.message.ordering_key': 'k' },
    });
  });

  it('leaves the names of Google to the library when that traces', async () => {
    const topic = new FakeTopic({ enableOpenTelemetryTracing: true });
    await asCaller(CALLER, () => traceTopic(topic).publishMessage({ data }));
    await spans.take();
    expect(Object.keys(topic.published[0]?.attributes ?? {})).toEqual([
      'traceparent',
      'tracestate',
      'baggage',
    ]);
  });

  it('leaves out what Pub/Sub would refuse the message for, and reports it once', async () => {
    const lines = reports();
    const topic = new FakeTopic();
    const baggage = `tenant=${'a'.repeat(1020)}`;
    const full = Object.fromEntries(Array.from({ length: 98 }, (_, n) => [`own-${n}`, 'x']));
    await asCaller({ ...CALLER, baggage }, () => traceTopic(topic).publishMessage({ data }));
    await asCaller(CALLER, () => traceTopic(topic).publishMessage({ data, attributes: full }));
    await spans.takeMany(2);
    expect(topic.published[0]?.attributes).not.toHaveProperty('baggage');
    const added = Object.keys(topic.published[1]?.attributes ?? {}).filter(
      (name) => !name.startsWith('own-'),
    );
    expect(added).toEqual(['traceparent', 'tracestate']);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe(
      '[throughline] a message to Pub/Sub went without baggage: 100 attributes of 1024 bytes are allowed',
    );
  });

  it('ends the span of a publish with a callback when that is called, in the context of the caller', async () => {
    const topic = new FakeTopic();
    const seen = await asCaller(
      CALLER,
      () =>
        new Promise((resolve) => {
          traceTopic(topic).publishMessage({ data }, (_error, id) => resolve([id, activeTraceId()]));
        }),
    );
    expect(seen).toEqual(['1', TRACE_ID]);
    expect((await spans.take()).attributes['messaging.message.id']).toBe('1');
    topic.failure = new RangeError('planted');
    const error = await new Promise((resolve) => traceTopic(topic).publishMessage({ data }, resolve));
    expect(error).toBeInstanceOf(RangeError);
    expect((await spans.take()).attributes['error.type']).toBe('RangeError');
  });

  it('traces JSON and flow-controlled messages', async () => {
    const topic = new FakeTopic();
    const traced = traceTopic(topic);
    expect(await traced.publishJSON({ id: 7 }, { tenant: 'blue' })).toBe('1');
    expect(traced.flowControlled().publish({ data })).toBeUndefined();
    const [json, flow] = await spans.takeMany(2);
    expect(topic.published[0]).toMatchObject({ json: { id: 7 }, attributes: { tenant: 'blue' } });
    for (const [n, span] of [json, flow].entries())
      expect(topic.published[n]?.attributes?.traceparent).toContain(span?.spanContext().spanId);
  });
});

describe('a subscription', () => {
  it.each([
    ['its own names', { traceparent: TRACEPARENT }, TRACE_ID],
    ['the names of Google', { googclient_traceparent: TRACEPARENT }, TRACE_ID],
    ['its own names first', { Traceparent: TRACEPARENT, googclient_traceparent: OTHER }, TRACE_ID],
  ])('reads %s', async (_, attributes, traceId) => {
    const { subscription } = new FakeTopic();
    const seen = new Promise((resolve) => {
      traceSubscription(subscription).on('message', () => resolve(activeTraceId()));
    });
    subscription.deliver(new FakeMessage('1', data, { attributes, deliveryAttempt: 2 }));
    expect(await seen).toBe(traceId);
    expect(await spans.take()).toMatchObject({
      name: 'process mailer',
      attributes: {
        'messaging.destination.subscription.name': 'mailer',
        'messaging.message.id': '1',
        'gcp.pubsub.message.delivery_attempt': 2,
      },
    });
  });

  it('makes a span of each acknowledgement, by what it does', async () => {
    const { subscription } = new FakeTopic();
    const message = new FakeMessage('1', data);
    const response = new Promise((resolve) => {
      traceSubscription(subscription).on('message', async (it: FakeMessage) => {
        expect(it).toBeInstanceOf(FakeMessage);
        it.nack();
        it.ack();
        resolve(await it.ackWithResponse());
      });
    });
    subscription.deliver(message);
    expect(await response).toBe('SUCCESS');
    const settled = await spans.takeMany(
      3,
      ({ attributes }) => attributes['messaging.operation.type'] === 'settle',
    );
    const process = await spans.take();
    expect(settled.map(({ name }) => name)).toEqual(['nack mailer', 'ack mailer', 'ack mailer']);
    for (const span of settled) expect(span.parentSpanContext?.spanId).toBe(process.spanContext().spanId);
    expect(message.settled).toEqual(['nack', 'ack', 'ackWithResponse']);
  });

  it('finds a listener that is removed, and leaves those of other events as they are', () => {
    const { subscription } = new FakeTopic();
    const traced = traceSubscription(subscription);
    const listener = () => {};
    expect(traced.on('message', listener).on('error', listener)).toBe(traced);
    expect(traced.listeners('error')).toEqual([listener]);
    traced.off('message', listener);
    expect(subscription.listenerCount('message')).toBe(0);
  });
});

describe('a handler', () => {
  it('of a message from elsewhere has its context', async () => {
    const message = { attributes: { googclient_traceparent: TRACEPARENT }, messageId: '7' };
    expect(traceHandler(activeTraceId)(message)).toBe(TRACE_ID);
    expect(await spans.take()).toMatchObject({
      name: 'process',
      attributes: { 'messaging.message.id': '7' },
    });
  });

  it('of a push links to the message inside the request', async () => {
    const push = {
      message: {
        attributes: { traceparent: TRACEPARENT },
        messageId: '7',
        publishTime: '2026-01-01T00:00:00Z',
      },
      subscription: 'projects/shop/subscriptions/mailer',
      deliveryAttempt: 1,
    };
    expect(asCaller({ traceparent: OTHER }, () => tracePushHandler(activeTraceId)(push))).toBe(
      'f'.repeat(32),
    );
    const span = await spans.take();
    expect(span.name).toBe('process mailer');
    expect(span.links.map(({ context }) => context.traceId)).toEqual([TRACE_ID]);
    expect(tracePushHandler(activeTraceId, { maxAge: 1000 })(push)).not.toBe(TRACE_ID);
    await spans.take();
  });

  it.each([[undefined], [null], [{}], [{ message: null }], ['text'], [{ message: { attributes: [] } }]])(
    'of a push whose body is %j is called all the same',
    async (body) => {
      expect(tracePushHandler((it: unknown) => it)(body as never)).toBe(body);
      await spans.take();
    },
  );
});
