import { metrics, SpanStatusCode } from '@opentelemetry/api';
import { tracedJob } from '@throughline/core';
import { createTracedFetch } from '@throughline/fetch';
import { createHttpServerTracer } from '@throughline/http-semantics';
import { createMessagingTracer, headersCodec, type MessagingTarget } from '@throughline/messaging';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createMeters, type Recorder, startSdk, stopSdk } from './sdk.ts';

let spans: Recorder;
beforeEach(() => {
  spans = startSdk();
});
afterEach(stopSdk);

const withMember = (name: string, value: unknown) =>
  Object.defineProperty(new RangeError('m'), name, { value, configurable: true });
const throwing = (name: string) =>
  Object.defineProperty(new RangeError('m'), name, {
    get() {
      throw new Error('getter');
    },
  });

const ODD: [string, unknown][] = [
  ...['name', 'code', 'message', 'stack'].flatMap((member): [string, unknown][] => [
    ...[7, 7n, true, null, Symbol('s'), {}, [], () => {}, 'x'.repeat(100_000), ''].map(
      (value): [string, unknown] => [
        `${member}: ${typeof value} ${String(value).slice(0, 12)}`,
        withMember(member, value),
      ],
    ),
    [`${member} that throws`, throwing(member)],
  ]),
  ['a number', 7],
  ['a symbol', Symbol('s')],
  ['undefined', undefined],
  ['a function', () => {}],
  ['an array', [1]],
  ['a record', { name: 7, message: 8, code: 9 }],
];

/** What `fn` throws. Matchers read its message, which may be what cannot be read. */
function caught(fn: () => unknown): unknown {
  try {
    return fn();
  } catch (error) {
    return error;
  }
}

/** All that is recorded of a failure must be text, and short enough to send. */
function expectTexts(): void {
  for (const { attributes, events, status } of spans.ended.splice(0)) {
    expect(attributes['error.type']).toEqual(expect.stringMatching(/^[\w$.]{1,64}$/));
    expect(status.code).toBe(SpanStatusCode.ERROR);
    for (const { attributes: recorded = {} } of events)
      for (const value of Object.values(recorded)) {
        expect(value).toBeTypeOf('string');
        expect(String(value).length).toBeLessThan(17_000);
      }
  }
}

describe('what is thrown', () => {
  test.each(ODD)('an error with %s', async (_, thrown) => {
    const fail = () => {
      throw thrown;
    };
    expect(caught(() => tracedJob('job', fail)()) === thrown).toBe(true);
    const tracer = createMessagingTracer({ system: 'memory', codec: headersCodec });
    const processed = caught(() => tracer.process({ destination: 'd', carrier: undefined }, fail));
    expect(processed === thrown).toBe(true);
    if (thrown !== undefined)
      await createTracedFetch({ fetch: () => Promise.reject(thrown) })('http://h/').catch(() => {});
    const exchange = createHttpServerTracer().start({
      method: 'GET',
      target: '/',
      scheme: 'http',
      headers: {},
    });
    exchange.fail(thrown);
    exchange.end({ cutShort: 'response_destroyed' });
    expect(spans.ended.length).toBeGreaterThan(2);
    expectTexts();
  });
});

describe('a status', () => {
  test.each<[unknown, unknown, unknown]>([
    [503, 503, '503'],
    ['503', 503, '503'],
    ['', undefined, undefined],
    ['ok', undefined, undefined],
    [Number.NaN, undefined, undefined],
    [0, undefined, undefined],
    [200.5, undefined, undefined],
    [{}, undefined, undefined],
    [503n, undefined, undefined],
  ])('%o', async (given, status, errorType) => {
    const meters = createMeters();
    metrics.setGlobalMeterProvider(meters.provider);
    const exchange = createHttpServerTracer().start({
      method: 'GET',
      target: '/',
      scheme: 'http',
      headers: {},
    });
    exchange.end({ statusCode: given as number });
    const response = Object.defineProperty(new Response('ok'), 'status', { value: given });
    await createTracedFetch({ fetch: async () => response })('http://h/');
    const recorded = [
      ...spans.ended.splice(0),
      ...(await meters.points('http.server.request.duration')),
      ...(await meters.points('http.client.request.duration')),
    ];
    expect(recorded).toHaveLength(4);
    for (const { attributes } of recorded)
      expect([attributes['http.response.status_code'], attributes['error.type']]).toEqual([
        status,
        errorType,
      ]);
  });
});

test.each([[['/a', '/b']], [/x/], [7], [Symbol('s')]])('the route %o is none', (route) => {
  const tracer = createHttpServerTracer();
  const exchange = tracer.start({ method: 'GET', target: '/', scheme: 'http', headers: {} });
  exchange.setRoute(route as never);
  exchange.end({ statusCode: 200, route: route as never });
  expect(spans.ended.splice(0)[0]).toMatchObject({
    name: 'GET',
    attributes: { 'http.response.status_code': 200 },
  });
});

test('headers that are numbers or lists of them are recorded as text', () => {
  const exchange = createHttpServerTracer({ captureResponseHeaders: ['content-length', 'x-list'] }).start({
    method: 'GET',
    target: '/',
    scheme: 'http',
    headers: {},
  });
  const header = (name: string) => ({ 'content-length': 12, 'x-list': [1, 'a'] })[name] as never;
  exchange.end({ statusCode: 200, header });
  expect(spans.ended.splice(0)[0]?.attributes).toMatchObject({
    'http.response.header.content-length': ['12'],
    'http.response.header.x-list': ['1', 'a'],
  });
});

describe('of a message', () => {
  const TEXTS: [keyof MessagingTarget | 'messageId' | 'conversationId', string][] = [
    ['destination', 'messaging.destination.name'],
    ['partitionId', 'messaging.destination.partition.id'],
    ['subscription', 'messaging.destination.subscription.name'],
    ['consumerGroup', 'messaging.consumer.group.name'],
    ['clientId', 'messaging.client.id'],
    ['messageId', 'messaging.message.id'],
    ['conversationId', 'messaging.message.conversation_id'],
    ['serverAddress', 'server.address'],
  ];
  test.each(TEXTS)('%s', async (member, attribute) => {
    const tracer = createMessagingTracer({ system: 'memory', codec: headersCodec });
    for (const [value, expected] of [
      [7, '7'],
      [7n, '7'],
      [new Uint8Array([1, 255]), '01ff'],
      [Symbol('s'), undefined],
      [{}, undefined],
      [null, undefined],
      ['text', 'text'],
    ] as const) {
      tracer.send({ carrier: undefined, [member]: value } as never, () => {});
      expect((await spans.one()).attributes[attribute]).toBe(expected);
    }
  });

  test('a port is a number, and an address holds no credentials', async () => {
    const tracer = createMessagingTracer({ system: 'memory', codec: headersCodec });
    const url = 'amqp://user:S3CRET@broker/queue?token=S3CRET';
    const target = {
      destination: url,
      serverAddress: 'user:S3CRET@broker',
      serverPort: '5672' as never,
      attributes: { 'aws.sqs.queue.url': url, other: 1 },
      carrier: undefined,
    };
    tracer.send(target, () => {});
    const span = await spans.one();
    expect(JSON.stringify([span.name, span.attributes])).not.toContain('S3CRET');
    expect(span.attributes).toMatchObject({ 'server.port': 5672, other: 1 });
    expect(target.attributes['aws.sqs.queue.url']).toBe(url);
    for (const serverPort of ['x', Number.NaN.toString(), {}, Symbol('s')]) {
      tracer.send({ destination: 'd', serverPort: serverPort as never, carrier: undefined }, () => {});
      expect((await spans.one()).attributes).not.toHaveProperty('server.port');
    }
  });
});
