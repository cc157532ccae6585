import { metrics, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { activeContext, runInContext } from '@throughline/core';
import { suppressTracing } from '@throughline/core/seam';
import {
  createMessagingTracer,
  headersCodec,
  type MessageHeaders,
  type MessagingOptions,
} from '@throughline/messaging';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createMeters,
  listenToDiag,
  type Recorder,
  SPAN_ID,
  startSdk,
  stopSdk,
  TRACE_ID,
  TRACEPARENT,
} from '../../../core/test/sdk.ts';

let spans: Recorder;
beforeEach(() => {
  spans = startSdk();
});
afterEach(stopSdk);

const tracerWith = (options: MessagingOptions = {}) =>
  createMessagingTracer({ system: 'memory', codec: headersCodec }, options);
const from = (carrier: MessageHeaders | undefined) => ({ destination: 'things', carrier });
const REMOTE = from({ traceparent: TRACEPARENT });

/** Runs `fn` inside a span and returns that span's id with the result. */
function inSpan<T>(fn: () => T): [id: string, result: T] {
  const span = trace.getTracer('application').startSpan('around');
  const result = runInContext(trace.setSpan(ROOT_CONTEXT, span), fn);
  span.end();
  return [span.spanContext().spanId, result];
}

describe('names and attributes', () => {
  test.each([
    [{ destination: 'orders' }, 'send orders'],
    [{ destination: 'orders', operationName: 'publish' }, 'publish orders'],
    [{ destination: 'user.42', destinationTemplate: 'user.{id}' }, 'send user.{id}'],
    [{ destination: 'amq.gen-1', anonymous: true }, 'send'],
    [{ destination: 'reply-1', temporary: true, serverAddress: 'mq' }, 'send'],
    [{ serverAddress: 'mq', serverPort: 5672 }, 'send mq:5672'],
    [{ serverAddress: 'mq' }, 'send mq'],
    [{}, 'send'],
  ])('%j is called %s', async (target, name) => {
    tracerWith().send({ ...target, carrier: undefined }, () => {});
    expect((await spans.one()).name).toBe(name);
  });

  test('everything known is recorded, and no destination of unbounded variety is measured', async () => {
    const meters = createMeters();
    const target = {
      destination: 'user.42',
      destinationTemplate: 'user.{id}',
      partitionId: '3',
      subscription: 'mailer',
      consumerGroup: 'mailers',
      clientId: 'c-1',
      serverAddress: 'mq',
      serverPort: 5672,
      attributes: { 'messaging.memory.lane': 1 },
    };
    const message = { ...target, carrier: {}, messageId: 'm-1', conversationId: 'k-1' };
    tracerWith({ meterProvider: meters.provider }).process(message, () => {});
    expect((await spans.one()).attributes).toEqual({
      'messaging.system.name': 'memory',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'user.42',
      'messaging.destination.template': 'user.{id}',
      'messaging.destination.partition.id': '3',
      'messaging.destination.subscription.name': 'mailer',
      'messaging.consumer.group.name': 'mailers',
      'messaging.client.id': 'c-1',
      'messaging.message.id': 'm-1',
      'messaging.message.conversation_id': 'k-1',
      'server.address': 'mq',
      'server.port': 5672,
      'messaging.memory.lane': 1,
    });
    const [point] = await meters.points('messaging.process.duration');
    expect(point?.attributes).toEqual({
      'messaging.system.name': 'memory',
      'messaging.operation.name': 'process',
      'messaging.destination.template': 'user.{id}',
      'messaging.destination.partition.id': '3',
      'messaging.destination.subscription.name': 'mailer',
      'messaging.consumer.group.name': 'mailers',
      'server.address': 'mq',
      'server.port': 5672,
    });
  });
});

describe('a handler called inside a span', () => {
  test.each([
    ['auto', 'around', ['message']],
    ['link', 'around', ['message']],
    ['parent', 'message', ['around']],
    ['both', 'message', ['message', 'around']],
  ] as const)('with %s: parent is %s, links are %j', async (relation, parent, links) => {
    const [around] = inSpan(() => tracerWith({ relation }).process(REMOTE, () => {}));
    const [process] = await spans.take(2);
    const ids = { message: SPAN_ID, around };
    expect(process?.parentSpanContext?.spanId).toBe(ids[parent]);
    expect(process?.links.map(({ context }) => context.spanId)).toEqual(links.map((link) => ids[link]));
  });

  test('has the baggage of its message, whatever the relation, unless that only links', async () => {
    for (const options of [
      { relation: 'auto' },
      { relation: 'parent' },
      { relation: 'both' },
      { relation: 'link', trust: 'continue' },
      { relation: 'link' },
    ] as const) {
      const message = from({ traceparent: TRACEPARENT, baggage: 'tenant=blue' });
      const read = () => propagation.getActiveBaggage()?.getEntry('tenant')?.value;
      const [, tenant] = inSpan(() => tracerWith(options).process(message, read));
      const trusted = 'trust' in options || options.relation !== 'link';
      expect(tenant, JSON.stringify(options)).toBe(trusted ? 'blue' : undefined);
    }
  });
});

describe('receive', () => {
  const messages = [REMOTE, from(undefined), from({ traceparent: TRACEPARENT.replace('b7', 'a7') })];

  test('links to what came, counts it, and hands the result on', async () => {
    const meters = createMeters();
    const tracer = tracerWith({ meterProvider: meters.provider });
    const answer = { messages };
    const result = await tracer.receive(
      { destination: 'things' },
      async () => answer,
      (got) => got.messages,
    );
    expect(result).toBe(answer);
    const span = await spans.one();
    expect(span.kind).toBe(SpanKind.CLIENT);
    expect(span.attributes['messaging.batch.message_count']).toBe(3);
    expect(span.links.map(({ context }) => context.spanId)).toEqual([SPAN_ID, SPAN_ID.replace('b7', 'a7')]);
    expect((await meters.points('messaging.client.consumed.messages'))[0]?.value).toBe(3);
    const [duration] = await meters.points('messaging.client.operation.duration');
    expect(duration?.attributes['messaging.operation.type']).toBe('receive');
  });

  test('of a single message names it and has no batch count', async () => {
    const tracer = tracerWith();
    tracer.receive(
      { destination: 'things' },
      () => 'one',
      () => ({ ...REMOTE, messageId: 'm-1' }),
    );
    tracer.receive(
      { destination: 'things' },
      () => undefined,
      () => undefined,
    );
    const [one, none] = await spans.take(2);
    expect(one?.attributes['messaging.message.id']).toBe('m-1');
    for (const span of [one, none])
      expect(span?.attributes).not.toHaveProperty('messaging.batch.message_count');
  });

  test('survives a result that cannot be read, and rethrows what the client throws', async () => {
    const tracer = tracerWith();
    const unreadable = tracer.receive(
      { destination: 'things' },
      () => 'one',
      () => {
        throw new Error('planted');
      },
    );
    expect(unreadable).toBe('one');
    const error = new RangeError('planted');
    await expect(
      tracer.receive(
        {},
        () => Promise.reject(error),
        () => [],
      ),
    ).rejects.toBe(error);
    const [, failed] = await spans.take(2);
    expect(failed?.status.code).toBe(SpanStatusCode.ERROR);
    expect(failed?.attributes['error.type']).toBe('RangeError');
  });
});

describe('settle', () => {
  test('of a batch counts it and links to every message', async () => {
    tracerWith().settle(
      { destination: 'things', messages: [REMOTE, REMOTE], operationName: 'commit' },
      () => {},
    );
    const span = await spans.one();
    expect(span.name).toBe('commit things');
    expect(span.kind).toBe(SpanKind.CLIENT);
    expect(span.attributes['messaging.batch.message_count']).toBe(2);
    expect(span.links).toHaveLength(2);
  });
});

describe('sendBatch', () => {
  test('of one message makes no create span', async () => {
    const carriers = tracerWith().sendBatch(
      { destination: 'things', messages: [from({ a: 1 })] },
      (all) => all,
    );
    const send = await spans.one();
    expect(send.kind).toBe(SpanKind.PRODUCER);
    expect(carriers).toEqual([{ a: 1, traceparent: expect.stringContaining(send.spanContext().spanId) }]);
  });

  test('without create spans, when they are ignored, gives each message the context of the send', async () => {
    const tracer = tracerWith({ ignore: ({ type }) => type === 'create' });
    const carriers = tracer.sendBatch({ messages: [from({}), from({})] }, (all) => all);
    const send = await spans.one();
    expect(send.kind).toBe(SpanKind.PRODUCER);
    for (const carrier of carriers) expect(carrier?.traceparent).toContain(send.spanContext().spanId);
  });

  test("takes a message's own destination before that of the batch", async () => {
    const messages = [
      { carrier: {}, destination: 'a' },
      { carrier: {}, destination: undefined },
    ];
    tracerWith().sendBatch({ destination: 'b', messages }, () => {});
    expect((await spans.take(3)).map(({ name }) => name)).toEqual(['create a', 'create b', 'send b']);
  });
});

describe('startSend', () => {
  test('ends once, with the first thing it is told', async () => {
    const sending = tracerWith().startSend(from({}));
    const active = sending.run(() => trace.getSpanContext(activeContext())?.spanId);
    expect(sending.carrier?.traceparent).toContain(active);
    sending.end(new RangeError('planted'));
    sending.end();
    expect((await spans.one()).attributes['error.type']).toBe('RangeError');
  });
});

describe('where nothing is to be recorded', () => {
  test('inside suppressed tracing, every verb only calls its function', () => {
    const tracer = tracerWith();
    const carrier = { a: 1 };
    runInContext(suppressTracing(ROOT_CONTEXT), () => {
      expect(tracer.send(from(carrier), (sent) => sent)).toBe(carrier);
      expect(tracer.sendBatch({ messages: [from(carrier)] }, (sent) => sent)).toEqual([carrier]);
      expect(tracer.process(REMOTE, () => 'handled')).toBe('handled');
      expect(tracer.processBatch({ messages: [REMOTE] }, () => 'handled')).toBe('handled');
      expect(tracer.settle(REMOTE, () => 'settled')).toBe('settled');
      expect(
        tracer.receive(
          {},
          () => 'got',
          () => [REMOTE],
        ),
      ).toBe('got');
    });
    expect(spans.ended).toEqual([]);
  });

  test('measures without a tracer provider', async () => {
    stopSdk();
    const meters = createMeters();
    metrics.setGlobalMeterProvider(meters.provider);
    tracerWith().send(from({}), () => {});
    expect((await meters.points('messaging.client.sent.messages'))[0]?.value).toBe(1);
  });

  test('links nothing without a tracer provider, so the trace goes on whatever the relation', () => {
    trace.disable();
    const seen = tracerWith({ relation: 'link' }).process(REMOTE, () =>
      trace.getSpanContext(activeContext()),
    );
    expect(seen).toMatchObject({ traceId: TRACE_ID, spanId: SPAN_ID });
  });
});

describe('faults', () => {
  test('a codec that throws costs the message its context and nothing else', async () => {
    const lines = listenToDiag();
    const codec = {
      ...headersCodec,
      write: () => {
        throw new Error('planted');
      },
      get: () => {
        throw new Error('planted');
      },
    };
    const tracer = createMessagingTracer({ system: 'memory', codec });
    const carrier = { a: 1 };
    expect(tracer.send(from(carrier), (sent) => sent)).toBe(carrier);
    expect(tracer.process(REMOTE, () => 'handled')).toBe('handled');
    expect((await spans.take(2)).map(({ parentSpanContext }) => parentSpanContext)).toEqual([
      undefined,
      undefined,
    ]);
    expect(lines.join('\n')).toContain('inject() failed');
  });

  test.each([
    [
      { relation: 'child' },
      "options.relation must be 'auto', 'parent', 'link' or 'both', got string 'child'",
    ],
    [{ maxAge: Number.NaN }, 'options.maxAge must be a number of milliseconds, got number'],
    [{ destinationTemplate: 'x' }, "options.destinationTemplate must be a function, got string 'x'"],
  ])('%j is refused', (options, message) => {
    expect(() => tracerWith(options as MessagingOptions)).toThrow(
      new TypeError(`[throughline/messaging] createMessagingTracer(): ${message}`),
    );
  });
});

describe('a message that is delivered again and again', () => {
  test.each<[string, MessagingOptions['relation'], boolean, 'continued' | 'linked']>([
    ['starts a trace of its own by default', undefined, true, 'linked'],
    ['with auto, too', 'auto', true, 'linked'],
    ['continues where the application says so', 'parent', true, 'continued'],
    ['continues and links, likewise', 'both', true, 'continued'],
    ['another one continues', undefined, false, 'continued'],
  ])('%s', async (_, relation, repeats, expected) => {
    const { context } = tracerWith({ relation }).startProcess(
      from({ traceparent: TRACEPARENT, baggage: 'tenant=blue' }),
      { repeats },
    );
    trace.getSpan(context)?.end();
    const span = await spans.one();
    expect(span.parentSpanContext?.spanId).toBe(expected === 'continued' ? SPAN_ID : undefined);
    expect(span.links.map((link) => link.context.spanId)).toEqual(relation === 'parent' ? [] : [SPAN_ID]);
    expect(propagation.getBaggage(context)?.getEntry('tenant')?.value).toBe('blue');
  });
});

describe('who is trusted', () => {
  const carrier = { traceparent: TRACEPARENT, baggage: 'tenant=blue' };

  test('is asked with the operation, and distrusted when the answer is none', async () => {
    const asked: unknown[] = [];
    const tracer = tracerWith({
      trust(operation) {
        asked.push([operation.type, operation.destination]);
        throw new Error('planted');
      },
    });
    tracer.process(from(carrier), () => {});
    const span = await spans.one();
    expect(asked).toEqual([['process', 'things']]);
    expect(span.parentSpanContext).toBeUndefined();
    expect(span.links.map(({ context }) => context.spanId)).toEqual([SPAN_ID]);
  });

  test('holds for batches and settlements, which link to no message that is to be ignored', async () => {
    const tracer = tracerWith({ trust: 'ignore' });
    tracer.processBatch({ messages: [from(carrier)] }, () => {});
    tracer.settle(from(carrier), () => {});
    tracer.receive(
      {},
      () => {},
      () => [from(carrier)],
    );
    expect((await spans.take(3)).flatMap(({ links }) => links)).toEqual([]);
  });

  test.each(['restart', 'ignore'] as const)('lets no trace through without an SDK: %s', (trust) => {
    stopSdk();
    const sent = tracerWith({ trust }).process(from(carrier), () =>
      tracerWith().send(from(undefined), (fields) => fields),
    );
    expect(sent).toBeUndefined();
  });
});

describe('baggage', () => {
  const sentBaggage = (options: MessagingOptions, target: object) => {
    const baggage = propagation.createBaggage({ tenant: { value: 'blue' }, user: { value: '7' } });
    const context = propagation.setBaggage(ROOT_CONTEXT, baggage);
    const message = { ...target, carrier: undefined };
    return runInContext(context, () => tracerWith(options).send(message, (sent) => sent?.baggage));
  };

  test.each<[MessagingOptions, object, string | undefined]>([
    [{}, { serverAddress: 'mq.example.com' }, 'tenant=blue,user=7'],
    [{ baggageTo: 'none' }, {}, undefined],
    [{ baggageTo: 'private' }, { serverAddress: '10.0.0.7' }, 'tenant=blue,user=7'],
    [{ baggageTo: 'private' }, { serverAddress: '::1' }, 'tenant=blue,user=7'],
    [{ baggageTo: 'private' }, { serverAddress: '2001:db8::1' }, undefined],
    [{ baggageTo: 'private' }, { serverAddress: 'mq' }, 'tenant=blue,user=7'],
    [{ baggageTo: 'private' }, { serverAddress: 'mq.example.com' }, undefined],
    [{ baggageTo: 'private' }, {}, undefined],
    [{ baggageTo: ['orders'] }, { destination: 'orders' }, 'tenant=blue,user=7'],
    [{ baggageTo: ['orders'] }, { destination: 'orders.eu' }, undefined],
    [{ baggageTo: [/^orders/g] }, { destination: 'orders.eu' }, 'tenant=blue,user=7'],
    [{ baggageTo: [({ type }) => type === 'send'] }, {}, 'tenant=blue,user=7'],
    [
      {
        baggageTo: [
          () => {
            throw new Error('planted');
          },
        ],
      },
      {},
      undefined,
    ],
    [{ baggageEntries: ['user'] }, {}, 'user=7'],
    [{ baggageEntries: ['user'], baggageTo: 'none' }, {}, undefined],
  ])('told %j goes to %j as %s', async (options, target, expected) => {
    expect(sentBaggage(options, target)).toBe(expected);
    await spans.one();
  });
});

describe('names of destinations', () => {
  test('are bounded in names and series, for the whole process, and whole in attributes', async () => {
    const meters = createMeters();
    const names = new Set<string>();
    for (let device = 0; device < 10_000; device += 1) {
      // As where each request wraps a channel of its own.
      const tracer = tracerWith({ meterProvider: meters.provider });
      const destination = `devices/${device}/state`;
      tracer.send({ destination, carrier: undefined }, () => {});
      const span = await spans.one();
      names.add(span.name);
      expect(span.attributes['messaging.destination.name']).toBe(destination);
    }
    expect(names.size).toBe(101);
    expect(names).toContain('send');
    expect((await meters.points('messaging.client.sent.messages')).length).toBe(101);
  });

  test('of consumers are bounded too', async () => {
    const meters = createMeters();
    const tracer = tracerWith({ meterProvider: meters.provider });
    for (let consumer = 0; consumer < 500; consumer += 1) {
      tracer.process({ ...REMOTE, subscription: `consumer-${consumer}` }, () => {});
      await spans.one();
    }
    expect((await meters.points('messaging.process.duration')).length).toBeLessThanOrEqual(101);
  });
});

test('reads messages and batches of any kind of object', async () => {
  class Order {
    readonly #id = '7';
    readonly carrier = undefined;
    get destination() {
      return 'orders';
    }
    get messageId() {
      return this.#id;
    }
  }
  const tracer = tracerWith();
  tracer.process(new Order(), () => {});
  tracer.send(Object.freeze(Object.create({ destination: 'orders', messageId: '7', carrier: {} })), () => {});
  tracer.sendBatch(Object.create({ destination: 'orders', messages: [new Order()] }), () => {});
  for (const span of await spans.take(3))
    expect(span.attributes['messaging.destination.name']).toBe('orders');
});
