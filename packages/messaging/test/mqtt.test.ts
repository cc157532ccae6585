import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { traceClient } from '@throughline/messaging/mqtt';
import { createSpanCollector } from '@throughline/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { FakeMqttClient } from './fake-mqtt.ts';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const SPAN_ID = 'b7ad6b7169203331';
const REMOTE = { properties: { userProperties: { traceparent: TRACEPARENT } } };

const spans = createSpanCollector();
let raw: FakeMqttClient;

beforeEach(() => {
  raw = new FakeMqttClient();
  trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
});
afterEach(() => {
  spans.assertClean();
  for (const api of [trace, context, propagation]) api.disable();
});

describe('publishing', () => {
  it('adds to a copy of the user properties and keeps all other options', async () => {
    const userProperties = Object.freeze({ tags: ['a', 'b'], traceparent: 'nonsense' });
    const how = Object.freeze({
      qos: 1,
      properties: Object.freeze({ contentType: 'text/plain', userProperties }),
    });
    await traceClient(raw).publishAsync('orders', 'x', how as never);
    const span = await spans.take();
    expect(raw.published).toEqual([
      {
        topic: 'orders',
        payload: 'x',
        qos: 1,
        properties: {
          contentType: 'text/plain',
          userProperties: {
            tags: ['a', 'b'],
            traceparent: expect.stringContaining(span.spanContext().spanId),
          },
        },
      },
    ]);
    expect(span).toMatchObject({
      name: 'publish orders',
      kind: SpanKind.PRODUCER,
      attributes: {
        'messaging.system.name': 'mqtt',
        'messaging.client.id': 'c1',
        'server.address': 'localhost',
        'server.port': 1883,
      },
    });
  });

  it('ends the span with the callback, which runs in the context of the caller', async () => {
    const client = traceClient(raw);
    const caller = trace.getTracer('test').startSpan('caller');
    const active = await new Promise((resolve) => {
      context.with(trace.setSpan(context.active(), caller), () => {
        const chained = client.publish('orders', 'x', () => resolve(trace.getActiveSpan()));
        expect(chained).toBe(client);
      });
      expect(spans.open().map(({ name }) => name)).toEqual(['caller', 'publish orders']);
    });
    expect(active).toBe(caller);
    await spans.take(({ name }) => name === 'publish orders');
    caller.end();
    await spans.take();
  });

  it('takes the connection’s word for the version of MQTT, and leaves 3.1.1 alone', async () => {
    raw.options.protocolVersion = 4;
    const client = traceClient(raw);
    const listener = vi.fn();
    client.on('message', listener);
    await client.publishAsync('orders', 'x');
    await new Promise<void>((resolve) => client.publish('orders', 'y', { qos: 1 }, () => resolve()));
    expect(raw.published).toEqual([
      { topic: 'orders', payload: 'x' },
      { topic: 'orders', payload: 'y', qos: 1 },
    ]);
    raw.deliver({ topic: 'orders', payload: '{"$trace":{},"data":"x"}' });
    expect(listener.mock.calls[0]?.[1]).toEqual(Buffer.from('{"$trace":{},"data":"x"}'));
    expect(spans.ended()).toEqual([]);
  });

  it('names a span without a topic when that is behind an alias', async () => {
    await traceClient(raw).publishAsync('', 'x');
    expect((await spans.take()).name).toBe('publish localhost:1883');
  });
});

describe('listening', () => {
  it.each([
    ['auto', undefined, [SPAN_ID]],
    ['both', SPAN_ID, [SPAN_ID]],
    ['parent', SPAN_ID, []],
  ] as const)('relates a retained message by %s', async (relation, parent, links) => {
    traceClient(raw, { relation }).on('message', () => {});
    raw.deliver({ topic: 'orders', payload: 'x', retain: true, ...REMOTE });
    const span = await spans.take();
    expect(span.parentSpanContext?.spanId).toBe(parent);
    expect(span.links.map((link) => link.context.spanId)).toEqual(links);
  });

  it('hands on topic, payload and packet as they are', async () => {
    const listener = vi.fn();
    traceClient(raw).on('message', listener);
    raw.deliver({ topic: 'orders', payload: 'x', ...REMOTE });
    expect(listener).toHaveBeenCalledWith('orders', Buffer.from('x'), { cmd: 'publish', ...REMOTE });
    await spans.take();
  });

  it('calls a once-listener once, and not after it was removed', async () => {
    const client = traceClient(raw);
    const [once, removed] = [vi.fn(), vi.fn()];
    client.once('message', once).on('message', removed).off('message', removed);
    raw.deliver({ topic: 'orders', payload: 'x' });
    raw.deliver({ topic: 'orders', payload: 'x' });
    expect([once.mock.calls.length, removed.mock.calls.length]).toEqual([1, 0]);
    await spans.take();
  });

  it('opens envelopes that come from a publisher of 3.1.1', async () => {
    const listener = vi.fn();
    traceClient(raw, { envelope: true }).on('message', listener);
    raw.deliver({ topic: 'orders', payload: `{"$trace":{"traceparent":"${TRACEPARENT}"},"data":"x"}` });
    expect(listener.mock.calls[0]?.[1]).toEqual(Buffer.from('x'));
    expect((await spans.take()).parentSpanContext?.spanId).toBe(SPAN_ID);
  });
});
