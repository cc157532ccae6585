import {
  context,
  propagation,
  SpanKind,
  SpanStatusCode,
  type TextMapPropagator,
  trace,
} from '@opentelemetry/api';
import { traceChannel, traceHandler } from '@throughline/messaging/amqplib';
import { createSpanCollector, type SpanCollector } from '@throughline/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { FakeChannel, FakeConfirmChannel, type FakeMessage } from './fake-amqp-channel.ts';

let spans: SpanCollector;
beforeEach(() => {
  spans = createSpanCollector();
  trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
});
afterEach(() => {
  for (const api of [trace, context, propagation]) api.disable();
});

const BODY = Buffer.from('{}');

/** Delivers one message that was published to `exchange` to a consumer of `queue`, and takes its process span. */
async function processed(exchange: string, routingKey: string, queue: string) {
  const raw = new FakeChannel();
  await traceChannel(raw).consume(queue, () => {});
  raw.deliver(queue, { exchange, routingKey, deliveryTag: 0 }, BODY, {});
  return spans.take();
}

describe('destinations', () => {
  it.each([
    ['events', 'order.paid', 'publish events:order.paid', 'events:order.paid'],
    ['events', '', 'publish events', 'events'],
    ['', 'orders', 'publish orders', 'orders'],
    ['', '', 'publish amq.default', 'amq.default'],
    ['', 'amq.gen-Xa2', 'publish', 'amq.gen-Xa2'],
    ['', 'amq.rabbitmq.reply-to.g2', 'publish', 'amq.rabbitmq.reply-to.g2'],
  ])('published to %j with key %j: %s', async (exchange, key, name, destination) => {
    traceChannel(new FakeChannel()).publish(exchange, key, BODY);
    const span = await spans.take();
    expect(span.name).toBe(name);
    expect(span.attributes['messaging.destination.name']).toBe(destination);
    expect(span.attributes['rabbitmq.destination.routing_key']).toBe(key === '' ? undefined : key);
  });

  it.each([
    ['events', 'order.paid', 'mailer', 'process events:order.paid:mailer', 'events:order.paid:mailer'],
    ['', 'orders', 'orders', 'process orders', 'orders'],
    ['logs', 'warn', 'amq.gen-Xa2', 'process logs:warn', 'logs:warn:amq.gen-Xa2'],
    ['', 'amq.gen-Xa2', 'amq.gen-Xa2', 'process', 'amq.gen-Xa2'],
  ])('from %j with key %j by queue %j: %s', async (exchange, key, queue, name, destination) => {
    const span = await processed(exchange, key, queue);
    expect(span.name).toBe(name);
    expect(span.attributes['messaging.destination.name']).toBe(destination);
  });

  it('name the broker and what the message is called', async () => {
    const properties = { messageId: 'm-1', correlationId: 'k-1' };
    traceChannel(new FakeChannel()).sendToQueue('orders', BODY, properties);
    expect((await spans.take()).attributes).toMatchObject({
      'messaging.message.id': 'm-1',
      'messaging.message.conversation_id': 'k-1',
      'server.address': '127.0.0.1',
      'server.port': 5672,
      'network.peer.address': '127.0.0.1',
      'network.peer.port': 5672,
    });
  });
});

describe('a confirm channel', () => {
  it('ends the span when the broker confirms, with the callback in the context of the caller', async () => {
    const channel = traceChannel(new FakeConfirmChannel());
    const caller = trace.getTracer('application').startSpan('caller');
    const active = await context.with(
      trace.setSpan(context.active(), caller),
      () =>
        new Promise((resolve) => {
          channel.sendToQueue('orders', BODY, {}, () => resolve(trace.getActiveSpan()));
          expect(spans.ended()).toEqual([]);
        }),
    );
    expect(active).toBe(caller);
    expect((await spans.take()).name).toBe('publish orders');
  });

  it('marks a message that the broker refused, and tells the callback', async () => {
    const raw = new FakeConfirmChannel();
    const refused = new Error('message nacked');
    raw.nextConfirm = refused;
    const told = await new Promise((resolve) => traceChannel(raw).publish('e', 'k', BODY, {}, resolve));
    expect(told).toBe(refused);
    const span = await spans.take();
    expect(span.status.code).toBe(SpanStatusCode.ERROR);
    expect(span.attributes['error.type']).toBe('Error');
  });

  it('ends the span of a publish without a callback too', async () => {
    traceChannel(new FakeConfirmChannel()).publish('e', 'k', BODY);
    expect((await spans.take()).name).toBe('publish e:k');
  });
});

describe('consuming', () => {
  it('tells the handler that the broker cancelled it, without a span', async () => {
    const raw = new FakeChannel();
    const told = new Promise((resolve) => {
      void traceChannel(raw).consume('orders', resolve);
    });
    raw.cancel('orders');
    expect(await told).toBeNull();
    spans.assertClean();
  });

  it('reads timestamps in seconds and in milliseconds', async () => {
    const raw = new FakeChannel();
    await traceChannel(raw, { maxAge: 60_000 }).consume('orders', () => {});
    const headers = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };
    const minuteAgo = Date.now() - 3_600_000;
    for (const timestamp of [
      Date.now(),
      Math.floor(Date.now() / 1000),
      minuteAgo,
      Math.floor(minuteAgo / 1000),
    ])
      raw.deliver('orders', { exchange: '', routingKey: 'orders', deliveryTag: 0 }, BODY, {
        headers,
        timestamp,
      });
    const continued = (await spans.takeMany(4)).map((span) => span.parentSpanContext !== undefined);
    expect(continued).toEqual([true, true, false, false]);
  });

  it('gets a message and has it handled in its own span', async () => {
    const raw = new FakeChannel();
    const channel = traceChannel(raw);
    channel.sendToQueue('orders', BODY);
    const sent = await spans.take();
    const handle = traceHandler((message: FakeMessage, tenant: string) => `${tenant} ${message.content}`);
    const message = await channel.get('orders');
    if (!message) throw new Error('no message');
    expect(handle(message, 'blue')).toBe('blue {}');
    expect(await channel.get('orders')).toBe(false);
    const [get, process, empty] = await spans.takeMany(3);
    expect([get?.name, process?.name, empty?.name]).toEqual(['get orders', 'process orders', 'get orders']);
    expect(get?.kind).toBe(SpanKind.CLIENT);
    expect(get?.links[0]?.context.spanId).toBe(sent.spanContext().spanId);
    expect(process?.parentSpanContext?.spanId).toBe(sent.spanContext().spanId);
    spans.assertClean();
  });

  it.each(['ack', 'nack', 'reject'] as const)('settles by %s with all its arguments', async (method) => {
    const raw = new FakeChannel();
    const channel = traceChannel(raw);
    raw.deliver('mailer', { exchange: 'events', routingKey: 'paid', deliveryTag: 0 }, BODY, {});
    const message = await channel.get('mailer');
    (channel[method] as (...args: unknown[]) => void)(message, false, true);
    expect(raw.settled).toEqual([[method, message, false, true]]);
    const [, settle] = await spans.takeMany(2);
    expect(settle?.name).toBe(`${method} events:paid:mailer`);
    expect(settle?.attributes['rabbitmq.message.delivery_tag']).toBe(1);
  });

  it('reads what a message brought once, and links its settlement to that', async () => {
    const w3c = sdk3.createPropagator();
    let extractions = 0;
    const propagator: TextMapPropagator = {
      fields: () => w3c.fields(),
      inject: (...args) => w3c.inject(...args),
      extract(...args) {
        extractions++;
        return w3c.extract(...args);
      },
    };
    const raw = new FakeChannel();
    const channel = traceChannel(raw, { propagator });
    await channel.consume('mailer', (message) => {
      if (message === null) return;
      // As an application may that passes the headers on.
      if (message.properties.headers) message.properties.headers.traceparent = 'changed';
      channel.ack(message);
    });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const fields = { exchange: 'events', routingKey: 'paid', deliveryTag: 0 };
    raw.deliver('mailer', fields, BODY, { headers: { traceparent } });
    const [settled] = await spans.takeMany(2);
    expect(settled?.name).toBe('ack events:paid:mailer');
    expect(settled?.links.map(({ context: { spanId } }) => spanId)).toEqual(['b7ad6b7169203331']);
    expect(extractions).toBe(1);
  });

  it('throws what amqplib throws for a message that is none', () => {
    const raw = new FakeChannel();
    raw.ack = (message) => {
      throw new TypeError(`no fields in ${message}`);
    };
    expect(() => traceChannel(raw).ack(undefined)).toThrow('no fields in undefined');
    expect(spans.ended()[0]?.status.code).toBe(SpanStatusCode.ERROR);
  });
});

describe('the wrapped channel', () => {
  it('is of the same class, and everything else about it is that of the original', () => {
    const raw = new FakeChannel();
    const channel = traceChannel(raw);
    expect(channel).not.toBe(raw);
    expect(channel).toBeInstanceOf(FakeChannel);
    expect(channel.on('close', () => {})).toBe(channel);
    expect(raw.listenerCount('close')).toBe(1);
    expect(channel.ackAll).toBe(channel.ackAll);
    channel.ackAll();
    expect(raw.settled).toEqual([['ackAll']]);
    expect(Object.hasOwn(raw, 'publish')).toBe(false);
  });

  it('is wrapped once', async () => {
    const channel = traceChannel(new FakeChannel());
    expect(traceChannel(channel)).toBe(channel);
  });

  it('refuses wrong options in the name of what was called', () => {
    expect(() => traceChannel(new FakeChannel(), { relation: 'child' as never })).toThrow(
      new TypeError(
        "[throughline/messaging] traceChannel(): options.relation must be 'auto', 'parent', 'link' or 'both', got string 'child'",
      ),
    );
    expect(() => traceHandler(() => {}, { mode: 1 } as never)).toThrow(
      'traceHandler(): options.mode does not exist',
    );
  });
});
