import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { traceConsumer, traceHandler, traceProducer } from '@throughline/messaging/confluent-kafka';
import { createPropagator } from '@throughline/propagators';
import { createSpanCollector } from '@throughline/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeKafka } from './fake-kafka.ts';
import {
  FakeConsumer,
  FakeHighLevelProducer,
  FakeProducer,
  type FakeRdKafkaMessage,
  FakeTopics,
} from './fake-rdkafka.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const TRACEPARENT = `00-${TRACE_ID}-b7ad6b7169203331-01`;

const spans = createSpanCollector();
let kafka: FakeTopics;
beforeEach(() => {
  kafka = new FakeTopics();
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

const ofType = (type: string) =>
  spans.take(({ attributes }) => attributes['messaging.operation.type'] === type);

const message = (more: Partial<FakeRdKafkaMessage> = {}): FakeRdKafkaMessage => ({
  topic: 'orders',
  partition: 2,
  offset: 7,
  timestamp: Date.now(),
  key: Buffer.from('o-7'),
  value: Buffer.from('v'),
  headers: [{ traceparent: TRACEPARENT }],
  ...more,
});

const sent = () => kafka.topics.get('orders')?.[0];

describe('produce()', () => {
  it('adds to a copy of the header list, in order, and passes the rest as it was', async () => {
    const producer = new FakeProducer(kafka);
    const headers = [{ a: '1' }, { Tracestate: 'stale=1' }, { a: Buffer.from('2') }];
    const opaque = {};
    expect(traceProducer(producer).produce('orders', 2, null, 'o-7', 1, opaque, headers)).toBe(true);
    const { attributes } = await ofType('send');
    expect(attributes).toMatchObject({
      'messaging.destination.partition.id': '2',
      'kafka.message.key': 'o-7',
      'kafka.message.tombstone': true,
    });
    expect(producer.opaques[0]).toBe(opaque);
    expect(sent()).toMatchObject({ partition: 2, key: 'o-7', timestamp: 1 });
    expect(sent()?.headers?.map((header) => Object.keys(header))).toEqual([['a'], ['a'], ['traceparent']]);
    expect(headers).toHaveLength(3);
  });

  it('takes a call with no more than a topic, a partition and a value', async () => {
    traceProducer(new FakeProducer(kafka)).produce('orders', -1, Buffer.from('v'));
    const span = await ofType('send');
    expect(span.attributes).not.toHaveProperty('messaging.destination.partition.id');
    expect(sent()?.headers).toHaveLength(1);
  });

  it('ends the span of a high-level producer with the delivery, which calls back where it was sent', async () => {
    const producer = traceProducer(new FakeHighLevelProducer(kafka));
    const caller = trace.getTracer('test').startSpan('caller');
    const active = await new Promise((resolve) => {
      context.with(trace.setSpan(context.active(), caller), () =>
        producer.produce('orders', null, Buffer.from('v'), null, null, () => resolve(trace.getActiveSpan())),
      );
      expect(spans.ended()).toEqual([]);
    });
    caller.end();
    expect(active).toBe(caller);
    expect((await ofType('send')).attributes['kafka.offset']).toBe(42);
    await spans.take(({ name }) => name === 'caller');
  });
});

describe('consumer events', () => {
  it('calls a listener once, and lets its owner remove it', async () => {
    const consumer = traceConsumer(new FakeConsumer(kafka), { consumerGroup: 'mailer' });
    const heard: string[] = [];
    const removed = () => heard.push('removed');
    const removedFirst = () => heard.push('removed first');
    consumer.on('data', removed).once('data', removedFirst);
    consumer.addListener('data', () => heard.push('every'));
    consumer.once('data', () => heard.push('first'));
    consumer.removeListener('data', removed).off('data', removedFirst);
    consumer.once('ready', () => heard.push('ready'));
    consumer.emit('ready');
    consumer.emit('data', message());
    consumer.emit('data', message());
    expect(heard).toEqual(['ready', 'every', 'first', 'every']);
    for (const span of await spans.takeMany(3))
      expect(span.attributes).toMatchObject({
        'messaging.consumer.group.name': 'mailer',
        'messaging.destination.name': 'orders',
        'messaging.destination.partition.id': '2',
        'kafka.offset': 7,
      });
  });

  it('hands the consumer to its listeners, wrapped methods returning the wrapped consumer', async () => {
    const raw = new FakeConsumer(kafka);
    const consumer = traceConsumer(raw);
    let self: unknown;
    const chained = consumer.on('data', function (this: unknown) {
      self = this;
    });
    expect(chained).toBe(consumer);
    raw.emit('data', message());
    await ofType('process');
    expect(self).toBe(consumer);
  });
});

describe('consume()', () => {
  const received = <T>(start: (done: (found: T) => void) => void) => new Promise<T>(start);

  it('processes each message of the flowing mode in the callback', async () => {
    const consumer = traceConsumer(new FakeConsumer(kafka));
    const found = received((done) => consumer.consume((_error, one) => done(one)));
    kafka.append([message()]);
    expect(await found).toMatchObject({ topic: 'orders' });
    expect((await ofType('process')).spanContext().traceId).toBe(TRACE_ID);
  });

  it('leaves the callback alone where listeners process the messages', async () => {
    const consumer = traceConsumer(new FakeConsumer(kafka));
    consumer.on('data', () => {});
    const found = received((done) => consumer.consume(10, (_error, all) => done(all)));
    kafka.append([message()]);
    expect(await found).toHaveLength(1);
    await ofType('process');
  });

  it('calls back in the context of its caller, without a span when nothing came', async () => {
    const consumer = traceConsumer(new FakeConsumer(kafka));
    const caller = trace.getTracer('test').startSpan('caller');
    const active = received((done) =>
      context.with(trace.setSpan(context.active(), caller), () =>
        consumer.consume(10, () => done(trace.getActiveSpan())),
      ),
    );
    kafka.append([]);
    expect(await active).toBe(caller);
    caller.end();
    await spans.take(({ name }) => name === 'caller');
  });

  it('names the topic of messages that are all of one', async () => {
    const consumer = traceConsumer(new FakeConsumer(kafka));
    for (const [topics, name] of [
      [['orders', 'orders'], 'consume orders'],
      [['orders', 'mails'], 'consume'],
    ] as const) {
      const found = received((done) => consumer.consume(10, done));
      kafka.append(topics.map((topic) => message({ topic })));
      await found;
      expect((await ofType('receive')).name).toBe(name);
    }
  });

  it('does without a callback', () => {
    const consumer = traceConsumer(new FakeConsumer(kafka));
    consumer.consume(10);
    consumer.consume();
  });
});

it.each(['commitMessage', 'commitMessageSync'] as const)('%s() links to the message', async (method) => {
  const raw = new FakeConsumer(kafka);
  const consumer = traceConsumer(raw);
  const committed = message();
  expect(consumer[method](committed)).toBe(consumer);
  const span = await ofType('settle');
  expect(span).toMatchObject({ name: 'commit orders', links: [{ context: { traceId: TRACE_ID } }] });
  expect(raw.committed).toEqual([[method, committed]]);
});

it.each<[method: 'commit' | 'commitSync', args: unknown[], name: string]>([
  ['commit', [], 'commit'],
  ['commit', [{ topic: 'orders', partition: 0, offset: 8 }], 'commit orders'],
  ['commitSync', [[{ topic: 'orders', partition: 0, offset: 8 }]], 'commit orders'],
])('%s(%j) is named %s', async (method, args, name) => {
  const raw = new FakeConsumer(kafka);
  traceConsumer(raw)[method](...args);
  expect((await ofType('settle')).name).toBe(name);
  expect(raw.committed).toEqual([[method, ...args]]);
});

it('traces the KafkaJS API of the same client, told the group', async () => {
  const compatible = new FakeKafka();
  const consumer = traceConsumer(compatible.consumer({ groupId: 'mailer' }), { consumerGroup: 'mailer' });
  await consumer.run({ eachMessage: async () => {} });
  await traceProducer(compatible.producer()).send({ topic: 'orders', messages: [{ value: 'a' }] });
  await ofType('send');
  expect((await ofType('process')).attributes['messaging.consumer.group.name']).toBe('mailer');
});

it.each([
  ['a list', [{ traceparent: Buffer.from(TRACEPARENT) }]],
  ['an object', { traceparent: Buffer.from(TRACEPARENT) }],
])('traceHandler() reads headers in %s', async (_, headers) => {
  const handle = traceHandler(({ value }) => String(value));
  expect(handle({ ...message(), headers })).toBe('v');
  expect((await ofType('process')).spanContext().traceId).toBe(TRACE_ID);
});

it('says what is wrong with the name of a group', () => {
  expect(() => traceConsumer(new FakeConsumer(kafka), { consumerGroup: 7 as never })).toThrow(
    '[throughline/messaging] traceConsumer(): options.consumerGroup must be a name, got number',
  );
});
