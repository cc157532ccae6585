import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { traceConnection, traceConsumer, traceHandler, traceJetStream } from '@throughline/messaging/nats';
import { createPropagator } from '@throughline/propagators';
import { assertParent, createSpanCollector } from '@throughline/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import {
  FakeConnection,
  FakeConsumer,
  FakeJetStream,
  FakeJsMessage,
  FakeMessage,
  type FakeOptions,
  headers,
} from './fake-nats.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const TRACEPARENT = `00-${TRACE_ID}-b7ad6b7169203331-01`;

const spans = createSpanCollector();
let raw: FakeConnection;
let connection: FakeConnection;
beforeEach(() => {
  raw = new FakeConnection();
  connection = traceConnection(raw, { headers });
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(createPropagator('tracecontext,baggage'));
});
afterEach(() => {
  spans.assertClean();
  spans.reset();
  trace.disable();
  context.disable();
  propagation.disable();
});

const named = (name: string) => spans.take((span) => span.name === name);

function withHeaders(record: Record<string, string>) {
  const made = headers();
  for (const [name, value] of Object.entries(record)) made.append(name, value);
  return made;
}

describe('traceConnection()', () => {
  it('replaces fields in any letter case in a copy of the headers', async () => {
    const given = withHeaders({ 'Nats-Msg-Id': '7', Traceparent: 'malformed', TRACESTATE: 'stale=1' });
    connection.publish('orders', 'x', { headers: given });
    const { traceId, spanId } = (await named('publish orders')).spanContext();
    expect(raw.published[0]?.headers?.record()).toEqual({
      'Nats-Msg-Id': ['7'],
      traceparent: [`00-${traceId}-${spanId}-01`],
    });
    expect(given.keys()).toEqual(['Nats-Msg-Id', 'Traceparent', 'TRACESTATE']);
  });

  it('says which server took the message', async () => {
    connection.publish('orders');
    expect((await named('publish orders')).attributes).toMatchObject({
      'server.address': '127.0.0.1',
      'server.port': 4222,
    });
    raw.server = '';
    connection.publish('orders');
    expect((await named('publish orders')).attributes).not.toHaveProperty('server.address');
  });

  it('spans a request until its reply, which the handler sends in its own context', async () => {
    connection.subscribe('orders', { callback: async (_error, message) => message.respond('done') });
    const options = { headers: headers() };
    const reply = await connection.request('orders', 'x', options);
    expect(reply.data).toBe('done');
    const request = await named('request orders');
    const process = await named('process orders');
    const respond = await named('respond');
    assertParent(process, request);
    assertParent(respond, process);
    expect(respond).toMatchObject({ kind: SpanKind.PRODUCER });
    expect(respond.attributes['messaging.destination.anonymous']).toBe(true);
    expect(reply.headers?.values('traceparent')[0]).toContain(respond.spanContext().spanId);
    expect(options.headers.keys()).toEqual([]);
  });

  it('returns its JetStream client traced, as the connection of nats 2 has one', async () => {
    raw.subscribe('orders', { callback: (_error, message) => message.respond('stored') });
    raw.subscribe('$JS.API.INFO', { callback: (_error, message) => message.respond('{}') });
    const made = traceConnection(Object.assign(raw, { jetstream: () => new FakeJetStream(raw) }), {
      headers,
    });
    await made.jetstream().publish('orders', '{}');
    await named('publish orders');
  });

  it('marks a request that nobody answers', async () => {
    await expect(connection.request('orders')).rejects.toThrow('no responders');
    expect((await named('request orders')).attributes['error.type']).toBe('RangeError');
  });

  it('traces a request that asks for many replies', async () => {
    connection.subscribe('orders', { callback: (_error, message) => message.respond('done') });
    await connection.requestMany('orders');
    await named('request orders');
    await named('respond');
    await named('process orders');
  });

  it.each<[string, (message: FakeMessage) => unknown, string, FakeMessage]>([
    [
      'publishMessage',
      (message) => connection.publishMessage(message),
      'publish orders',
      new FakeMessage('orders', 'x'),
    ],
    [
      'respondMessage',
      (message) => connection.respondMessage(message),
      'respond',
      new FakeMessage('orders', 'x', { reply: '_INBOX.1' }),
    ],
  ])('traces %s()', async (_, send, name, message) => {
    send(message);
    const { spanId } = (await named(name)).spanContext();
    expect(raw.published[0]?.headers?.values('traceparent')[0]).toContain(spanId);
    expect(raw.published[0]?.data).toBe('x');
    expect(message.headers).toBeUndefined();
  });

  it('answers no message that wants no answer', () => {
    expect(connection.respondMessage(new FakeMessage('orders', 'x'))).toBe(false);
  });

  it('names a process span after the subscription, which may have wildcards', async () => {
    connection.subscribe('>', { queue: 'mailers', callback: () => {} });
    raw.deliver(new FakeMessage('orders.42.paid', 'x'));
    const { attributes } = await named('process >');
    expect(attributes).toMatchObject({
      'messaging.destination.name': 'orders.42.paid',
      'messaging.destination.template': '>',
      'messaging.consumer.group.name': 'mailers',
    });
  });

  it('hands errors of a subscription on as they are', async () => {
    const error = new Error('permissions');
    const heard = new Promise((resolve) =>
      connection.subscribe('orders', { callback: (...args) => resolve(args[0]) }),
    );
    raw.deliver(new FakeMessage('orders', ''), error);
    expect(await heard).toBe(error);
  });

  it('leaves alone a subscription without a callback, and those to inboxes', async () => {
    expect(connection.subscribe('orders')).toBe('subscription to orders');
    const heard = new Promise((resolve) =>
      connection.subscribe('_INBOX.7', { callback: (_error, message) => resolve(message) }),
    );
    const message = new FakeMessage('_INBOX.7', 'x');
    raw.deliver(message);
    expect(await heard).toBe(message);
  });

  it.each(['Traceparent', 'TRACEPARENT'])('reads %s', async (name) => {
    connection.subscribe('orders', { callback: () => {} });
    raw.deliver(new FakeMessage('orders', 'x', { headers: withHeaders({ [name]: TRACEPARENT }) }));
    const span = await named('process orders');
    expect(span.spanContext().traceId).toBe(TRACE_ID);
    expect(span.attributes).not.toHaveProperty('messaging.destination.template');
  });

  it.each([undefined, {}, { headers: undefined }])('wants to know how headers are made: %j', (options) => {
    expect(() => traceConnection(raw, options as never)).toThrow(
      '[throughline/messaging] traceConnection(): options.headers must be a function, got null',
    );
  });
});

describe('traceJetStream()', () => {
  it.each<[string, () => FakeConnection]>([
    ['the bare connection', () => raw],
    ['the traced connection', () => connection],
  ])('makes one span of a publish through %s', async (_, over) => {
    raw.subscribe('orders', { callback: (_error, message) => message.respond() });
    raw.subscribe('$JS.API.INFO', { callback: (_error, message) => message.respond() });
    const js = traceJetStream(new FakeJetStream(over()), { headers });
    const options: FakeOptions = { msgID: '7', headers: headers() };
    expect(await js.publish('orders', 'x', options)).toEqual({ seq: 1 });
    const span = await named('publish orders');
    expect(span.attributes['messaging.message.id']).toBe('7');
    const { headers: sent } = raw.given.at(-1) as { headers: ReturnType<typeof headers> };
    expect(sent.values('traceparent')[0]).toContain(span.spanContext().spanId);
    expect(options.headers?.keys()).toEqual([]);
  });
});

describe('traceConsumer()', () => {
  it.each([
    ['ack', []],
    ['nak', [1000]],
    ['term', ['broken']],
    ['ackAck', []],
  ] as const)('traces %s() of a message in its callback', async (settle, args) => {
    const consumer = new FakeConsumer();
    await traceConsumer(consumer, { headers }).consume({
      max: 1,
      callback: (message) => message[settle](...args),
    });
    const sent = withHeaders({ traceparent: TRACEPARENT, 'Nats-Msg-Id': '7' });
    const message = new FakeJsMessage('orders', 'x', { headers: sent });
    consumer.deliver(message);
    const span = await named(`${settle} orders`);
    const process = await named('process orders');
    assertParent(span, process);
    expect(span.links[0]?.context.traceId).toBe(TRACE_ID);
    expect(process.attributes).toMatchObject({
      'messaging.destination.subscription.name': 'mailer',
      'messaging.message.id': '7',
    });
    expect(message.settled).toEqual([[settle, ...args]]);
  });

  it('links a receive span to the next message, which counts as received when it is handled', async () => {
    const consumer = new FakeConsumer();
    const meters = sdk3.createMeterProvider();
    const options = { headers, meterProvider: meters.meterProvider };
    const traced = traceConsumer(consumer, options);
    expect(await traced.next()).toBeNull();
    await named('next');
    consumer.deliver(
      new FakeJsMessage('orders', 'x', { headers: withHeaders({ traceparent: TRACEPARENT }) }),
    );
    const message = (await traced.next()) as FakeJsMessage;
    expect((await named('next')).links[0]?.context.traceId).toBe(TRACE_ID);
    const handle = traceHandler((one: FakeJsMessage, more: string) => one.data + more, options);
    expect(handle(message, '!')).toBe('x!');
    const metrics = (await meters.collect()).scopeMetrics.flatMap((scope) => scope.metrics);
    const consumed = metrics.find(
      ({ descriptor }) => descriptor.name === 'messaging.client.consumed.messages',
    );
    expect(consumed?.dataPoints.map(({ value }) => value)).toEqual([1]);
    expect((await named('process orders')).spanContext().traceId).toBe(TRACE_ID);
  });

  it('returns the messages of an iterator as they are', async () => {
    const consumer = new FakeConsumer();
    const message = new FakeJsMessage('orders', 'x');
    consumer.deliver(message);
    const [first] = await traceConsumer(consumer, { headers }).consume();
    expect(first).toBe(message);
  });
});
