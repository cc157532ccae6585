import {
  type Attributes,
  context,
  createNoopMeter,
  metrics,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { activeContext, baggageFields } from '@throughline/core';
import { type LambdaOptions, tracedHandler } from '@throughline/lambda';
import { traceHandler } from '@throughline/messaging/sqs';
import { createPropagator } from '@throughline/propagators';
import { createSpanCollector } from '@throughline/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  CALLER,
  FUNCTION_URL,
  HTTP_API,
  LAMBDA_CONTEXT,
  LOAD_BALANCER,
  REST,
  SQS,
  TRACE_ID,
  TRACEPARENT,
} from './events.ts';

const spans = createSpanCollector();

beforeAll(() => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(createPropagator('tracecontext,baggage'));
});
afterEach(() => spans.assertClean());
afterAll(() => {
  trace.disable();
  context.disable();
  propagation.disable();
});

const active = () => trace.getSpanContext(activeContext());

/** Invokes a handler that answers with `result`. */
async function invoke(event: unknown, result: unknown = { statusCode: 200 }, options?: LambdaOptions) {
  const handler = tracedHandler(async (_event: unknown, _context: unknown) => result, options);
  const answer = await handler(event, LAMBDA_CONTEXT);
  return { answer, span: await spans.take() };
}

describe('requests by HTTP', () => {
  it.each<[string, object, string, Attributes]>([
    [
      'a REST API',
      REST,
      'GET /items/{id}',
      {
        'http.route': '/items/{id}',
        'url.path': '/prod/items/7',
        'url.query': 'tag=a&tag=b%20c',
        'server.address': 'api.example.com',
        'client.address': '192.0.2.1',
        'user_agent.original': 'curl/8.5.0',
        'network.protocol.version': '1.1',
      },
    ],
    [
      'an HTTP API',
      HTTP_API,
      'POST /items/{id}',
      {
        'http.route': '/items/{id}',
        'url.path': '/items/7',
        'url.query': 'tag=a&tag=b%20c',
        'server.address': 'abc.execute-api.eu-west-1.amazonaws.com',
        'client.address': '192.0.2.2',
      },
    ],
    [
      'a Function URL',
      FUNCTION_URL,
      'GET',
      { 'url.path': '/items/7', 'server.address': 'abc.lambda-url.eu-west-1.on.aws' },
    ],
    [
      'a load balancer',
      LOAD_BALANCER,
      'GET',
      { 'url.path': '/items/7', 'url.query': 'tag=a&tag=b%20c', 'server.address': 'orders.example.com' },
    ],
  ])('%s: the SERVER span continues the trace', async (_of, event, name, attributes) => {
    const { span } = await invoke(event, { statusCode: 201 });

    expect(span).toMatchObject({ name, kind: SpanKind.SERVER });
    expect(span.parentSpanContext).toMatchObject({ traceId: TRACE_ID, spanId: CALLER });
    expect(span.attributes).toMatchObject({
      ...attributes,
      'url.scheme': 'https',
      'http.response.status_code': 201,
      'faas.trigger': 'http',
      'faas.invocation_id': LAMBDA_CONTEXT.awsRequestId,
      'faas.coldstart': true,
      'cloud.account.id': '123456789012',
      'cloud.resource_id': 'arn:aws:lambda:eu-west-1:123456789012:function:orders',
      'aws.lambda.invoked_arn': LAMBDA_CONTEXT.invokedFunctionArn,
    });
    expect('http.route' in span.attributes).toBe('http.route' in attributes);
  });

  it('reads the headers of a REST API in any letter case, and repeated ones', async () => {
    let state: string | undefined;
    const handler = tracedHandler(async (_event: unknown) => {
      state = active()?.traceState?.serialize();
      return { statusCode: 200 };
    });

    await handler(REST);

    await spans.take();
    expect(state).toBe('a=1,b=2');
  });

  it.each([
    ['no headers', { headers: null, multiValueHeaders: null }],
    ['a malformed traceparent', { headers: { traceparent: 'hello' }, multiValueHeaders: null }],
    ['two traceparents', { multiValueHeaders: { traceparent: [TRACEPARENT], Traceparent: [TRACEPARENT] } }],
    ['headers that are none', { headers: { traceparent: 7 }, multiValueHeaders: 'x' }],
  ])('%s: the span starts a trace', async (_what, headers) => {
    const { span } = await invoke({ ...REST, ...headers });

    expect(span.parentSpanContext).toBeUndefined();
    expect(span.name).toBe('GET /items/{id}');
  });

  it.each([
    ['a REST API, no response', REST, { ok: true }, 502],
    ['a REST API, nothing', REST, null, 502],
    ['an HTTP API, no response', HTTP_API, { ok: true }, 200],
    ['an HTTP API, a text', HTTP_API, 'hello', 200],
    ['a status as text', REST, { statusCode: '404' }, 404],
    ['a 503', REST, { statusCode: 503 }, 503],
  ])('records the status that the API makes of the result: %s', async (_of, event, result, status) => {
    const { span, answer } = await invoke(event, result);

    expect(answer).toBe(result);
    expect(span.attributes['http.response.status_code']).toBe(status);
    expect(span.status.code).toBe(status >= 500 ? SpanStatusCode.ERROR : SpanStatusCode.UNSET);
  });

  it('records headers that are asked for, and cookies without their values', async () => {
    const response = { statusCode: 200, headers: { 'X-Total': 7 } };
    const { span } = await invoke(HTTP_API, response, {
      captureRequestHeaders: ['cookie'],
      captureResponseHeaders: ['x-total'],
    });

    expect(span.attributes['http.response.header.x-total']).toEqual(['7']);
    expect(JSON.stringify(span.attributes)).not.toContain('secret');
    expect(span.attributes).toHaveProperty(['http.request.header.cookie']);
  });

  it('restarts the trace of callers that are not trusted', async () => {
    const { span } = await invoke(REST, { statusCode: 200 }, { trust: 'restart' });

    expect(span.parentSpanContext).toBeUndefined();
    expect(span.links.map((link) => link.context.spanId)).toEqual([CALLER]);
  });
});

describe('batches of SQS', () => {
  const XRAY_SPAN = '53995c3f42cd8ad8';

  it('have a CONSUMER span that links to each message with a context', async () => {
    const { span } = await invoke(SQS, undefined);

    expect(span).toMatchObject({ name: 'process orders', kind: SpanKind.CONSUMER });
    expect(span.parentSpanContext).toBeUndefined();
    expect(span.links.map((link) => link.context.spanId)).toEqual([CALLER, XRAY_SPAN]);
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    expect(span.instrumentationScope.name).toBe('@throughline/lambda');
    expect(span.attributes).toMatchObject({
      'messaging.system.name': 'aws.sqs',
      'messaging.destination.name': 'orders',
      'messaging.operation.type': 'process',
      'messaging.batch.message_count': 3,
      'faas.trigger': 'pubsub',
      'faas.invocation_id': LAMBDA_CONTEXT.awsRequestId,
    });
  });

  it('have a span for each message, with a handler of messaging', async () => {
    const handleRecord = traceHandler(async (record: (typeof SQS.Records)[number]) => {
      if (record.messageId === 'm-2') throw new Error('no stock');
      return active()?.spanId;
    });
    const handler = tracedHandler(async (event: typeof SQS) => {
      const results = await Promise.allSettled(event.Records.map((record) => handleRecord(record)));
      const failed = event.Records.filter((_record, index) => results[index]?.status === 'rejected');
      return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
    });

    await expect(handler(SQS)).resolves.toEqual({ batchItemFailures: [{ itemIdentifier: 'm-2' }] });

    const batch = await spans.take(({ links }) => links.length === 2);
    const messages = await spans.takeMany(3);
    const byId = Object.fromEntries(
      messages.map((span) => [String(span.attributes['messaging.message.id']), span] as const),
    );
    for (const span of messages) expect(span.parentSpanContext?.spanId).toBe(batch.spanContext().spanId);
    expect(byId['m-1']?.links.map((link) => link.context.spanId)).toEqual([CALLER]);
    expect(byId['m-2']?.status.code).toBe(SpanStatusCode.ERROR);
    expect(byId['m-3']?.status.code).toBe(SpanStatusCode.UNSET);
    expect(batch.status.code).toBe(SpanStatusCode.ERROR);
    expect(batch.attributes['error.type']).toBe('BatchItemFailures');
    expect(batch.events[0]?.attributes?.['exception.message']).toBe('1 of 3 messages failed');
  });

  it.each([[{ batchItemFailures: [] }], [{ batchItemFailures: 'm-1' }], [null]])(
    'have not failed with %j',
    async (result) => {
      const { span, answer } = await invoke(SQS, result);

      expect(answer).toBe(result);
      expect(span.status.code).toBe(SpanStatusCode.UNSET);
    },
  );

  it.each([[new RangeError('no')], [undefined]])('fail with %s, which is thrown as it is', async (error) => {
    const handler = tracedHandler(async (_event: unknown) => Promise.reject(error));

    await expect(handler(SQS)).rejects.toBe(error);
    expect((await spans.take()).status.code).toBe(SpanStatusCode.ERROR);
  });

  it.each([
    ['no members', { eventSource: 'aws:sqs' }],
    [
      'members of other kinds',
      { eventSource: 'aws:sqs', messageId: 'm', eventSourceARN: 7, messageAttributes: 'x' },
    ],
  ])('of records with %s still reach the handler', async (_what, record) => {
    const { answer } = await invoke({ Records: [record, null] }, 'ok');

    expect(answer).toBe('ok');
  });
});

describe('other invocations', () => {
  it('has the name of the function, and continues the trace in the client context', async () => {
    let tenant: unknown;
    const handler = tracedHandler(async (event: { n: number }, _context: object) => {
      tenant = baggageFields(['tenant'], activeContext())['baggage.tenant'];
      return event.n + 1;
    });
    const custom = { traceparent: TRACEPARENT, baggage: 'tenant=acme' };

    await expect(handler({ n: 1 }, { ...LAMBDA_CONTEXT, clientContext: { custom } })).resolves.toBe(2);

    const span = await spans.take();
    expect(span).toMatchObject({ name: 'orders', kind: SpanKind.SERVER });
    expect(span.parentSpanContext?.spanId).toBe(CALLER);
    expect(span.attributes['faas.trigger']).toBe('other');
    expect(tenant).toBe('acme');
  });

  it.each<[string, unknown]>([
    ['pubsub', { Records: [{ EventSource: 'aws:sns', Sns: { Message: '{}' } }] }],
    ['pubsub', { Records: [{ eventSource: 'aws:kinesis', kinesis: { data: 'e30=' } }] }],
    ['pubsub', { eventSource: 'aws:kafka', records: { 'orders-0': [] } }],
    ['pubsub', { version: '0', 'detail-type': 'OrderPaid', source: 'shop', detail: {} }],
    ['datasource', { Records: [{ eventSource: 'aws:dynamodb', dynamodb: {} }] }],
    ['datasource', { Records: [{ eventSource: 'aws:s3', s3: { bucket: { name: 'images' } } }] }],
    ['timer', { version: '0', 'detail-type': 'Scheduled Event', source: 'aws.events', detail: {} }],
    ['other', { Records: [{ eventSource: 'constructor' }] }],
    ['other', { Records: [] }],
  ])('names what called: %s', async (trigger, event) => {
    const { span } = await invoke(event);

    expect(span.attributes['faas.trigger']).toBe(trigger);
    expect(span.name).toBe('orders');
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['text', 'hello'],
    ['an empty object', {}],
    ['a request context of another kind', { requestContext: { http: 'x' } }],
  ])('takes any event: %s', async (_what, event) => {
    const { span } = await invoke(event);

    expect(span.name).toBe('orders');
    expect(span.parentSpanContext).toBeUndefined();
  });

  it('marks the first invocation only as a cold start', async () => {
    const handler = tracedHandler(async () => undefined);
    await handler();
    await handler();

    const [first, second] = await spans.takeMany(2);
    expect(first?.attributes['faas.coldstart']).toBe(true);
    expect(second?.attributes['faas.coldstart']).toBe(false);
  });

  it('keeps concurrent invocations apart, and nothing for the next', async () => {
    const handler = tracedHandler(async (_event: unknown, _context: object) => {
      const before = active()?.spanId;
      await new Promise(setImmediate);
      return [before, active()?.spanId];
    });
    const contextOf = (traceparent?: string) => ({
      ...LAMBDA_CONTEXT,
      clientContext: { custom: { traceparent } },
    });

    const answers = await Promise.all([handler({}, contextOf(TRACEPARENT)), handler({}, contextOf())]);
    expect(active()).toBeUndefined();

    const ended = await spans.takeMany(2);
    for (const [before, after] of answers) expect(before).toBe(after);
    expect(new Set(answers.flat())).toEqual(new Set(ended.map((span) => span.spanContext().spanId)));
    expect(ended.map((span) => span.parentSpanContext?.spanId).sort()).toEqual([CALLER, undefined]);
  });

  it('calls options.attributes with the event and the context, and survives what it throws', async () => {
    const { span } = await invoke({ n: 1 }, 'ok', {
      attributes: ({ event }) => ({ 'app.n': (event as { n: number }).n }),
    });
    expect(span.attributes['app.n']).toBe(1);

    const failing = await invoke({ n: 1 }, 'ok', {
      attributes: () => {
        throw new Error('no');
      },
    });
    expect(failing.answer).toBe('ok');
  });
});

describe('errors', () => {
  it.each([
    ['a REST API', REST],
    ['another event', {}],
    ['a route that cannot be read', { ...HTTP_API, routeKey: 7 }],
  ])('are thrown as they are, and recorded: %s', async (_of, event) => {
    const error = new RangeError('out of stock');
    const handlers = [
      tracedHandler(async (_event: unknown) => Promise.reject(error)),
      tracedHandler((_event: unknown) => {
        throw error;
      }),
    ];
    for (const handler of handlers) {
      const thrown = await Promise.resolve(handler(event)).catch((reason: unknown) => reason);
      expect(thrown).toBe(error);
      const span = await spans.take();
      expect(span.status.code).toBe(SpanStatusCode.ERROR);
      expect(span.attributes['error.type']).toBe('RangeError');
    }
  });

  it('of set-up name the option', () => {
    expect(() => tracedHandler(7 as never)).toThrow(
      '[throughline/lambda] tracedHandler(): handler must be a function, got number',
    );
    expect(() => tracedHandler(() => 1, { flushTimeout: -1 })).toThrow(
      '[throughline/lambda] tracedHandler(): options.flushTimeout must be a number of milliseconds, got number',
    );
    expect(() => tracedHandler(() => 1, { flush: true } as never)).toThrow('options.flush does not exist');
  });
});

describe('handlers with a callback', () => {
  type Callback = (error?: unknown, result?: unknown) => void;
  /** What the runtime gets to see of an invocation. */
  const answerOf = (handler: (event: unknown, context: object, callback: Callback) => unknown) =>
    new Promise((resolve, reject) => {
      const returned = handler({}, LAMBDA_CONTEXT, (error, result) =>
        error ? reject(error) : resolve(result),
      );
      if (returned instanceof Promise) returned.then(resolve, reject);
    });

  it('answer by it, in the span that it ends', async () => {
    let inside: string | undefined;
    const handler = tracedHandler((_event: unknown, _context: object, callback: Callback) => {
      inside = active()?.spanId;
      setImmediate(() => callback(null, 'done'));
    });

    expect(handler).toHaveLength(3);
    await expect(answerOf(handler)).resolves.toBe('done');
    expect((await spans.take()).spanContext().spanId).toBe(inside);
  });

  it('answer by a promise all the same', async () => {
    const handler = tracedHandler(async (_event: unknown, _context: object, _callback: Callback) => 'done');

    await expect(answerOf(handler)).resolves.toBe('done');
    await spans.take();
  });

  it.each<[string, (error: Error, callback: Callback) => void]>([
    ['by the callback', (error, callback) => callback(error)],
    [
      'by throwing',
      (error) => {
        throw error;
      },
    ],
  ])('fail %s', async (_how, fail) => {
    const error = new Error('no');
    const handler = tracedHandler((_event: unknown, _context: object, callback: Callback) =>
      fail(error, callback),
    );

    await expect(answerOf(handler)).rejects.toBe(error);
    expect((await spans.take()).status.code).toBe(SpanStatusCode.ERROR);
  });

  it('are those with three parameters', () => {
    expect(tracedHandler((_event: unknown, _context: object) => 1)).toHaveLength(2);
  });
});

describe('the flush', () => {
  /** A provider whose flush does what the test says. */
  function provider(forceFlush: () => Promise<void>) {
    const own = new TracerProvider({ spanProcessors: [spans] });
    return { getTracer: own.getTracer.bind(own), forceFlush };
  }

  it('is over before the answer is returned, and the span has ended before it', async () => {
    const order: string[] = [];
    const tracerProvider = provider(async () => {
      order.push(`flush of ${spans.ended().length}`);
      await new Promise(setImmediate);
      order.push('flushed');
    });
    const handler = tracedHandler(async () => 'ok', { tracerProvider });

    await handler();
    order.push('answer');

    expect(order).toEqual(['flush of 1', 'flushed', 'answer']);
    await spans.take();
  });

  it('reaches the registered providers of spans and measurements', async () => {
    const flushed: string[] = [];
    const registered = (name: string) => ({ forceFlush: async () => void flushed.push(name) });
    metrics.setGlobalMeterProvider({
      ...registered('metrics'),
      getMeter: createNoopMeter,
    } as never);
    trace.disable();
    trace.setGlobalTracerProvider({ ...provider(async () => undefined), ...registered('trace') });
    try {
      await tracedHandler(async () => 'ok', { propagator: createPropagator('tracecontext') })();
      expect(flushed.sort()).toEqual(['metrics', 'trace']);
      await spans.take();
    } finally {
      metrics.disable();
      trace.disable();
      trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
    }
  });

  it.each<[string, () => Promise<void>]>([
    ['rejects', () => Promise.reject(new Error('refused'))],
    [
      'throws',
      () => {
        throw new Error('refused');
      },
    ],
  ])('that %s costs nothing', async (_how, forceFlush) => {
    const handler = tracedHandler(async () => 'ok', { tracerProvider: provider(forceFlush) });

    await expect(handler()).resolves.toBe('ok');
    await spans.take();
  });

  const never = () => new Promise<void>(() => undefined);

  it.each<[string, LambdaOptions, () => number]>([
    ['its time is over', { flushTimeout: 20 }, () => 30_000],
    ['the remaining time is over', { flushTimeout: 60_000 }, () => 120],
    ['no time remains', { flushTimeout: 60_000 }, () => 50],
    [
      'the remaining time cannot be read',
      { flushTimeout: 20 },
      () => {
        throw new Error('no');
      },
    ],
  ])('that does not end is left when %s', async (_when, options, getRemainingTimeInMillis) => {
    const handler = tracedHandler(async (_event: unknown, _context: object) => 'ok', {
      ...options,
      tracerProvider: provider(never),
    });

    await expect(handler({}, { ...LAMBDA_CONTEXT, getRemainingTimeInMillis })).resolves.toBe('ok');
    await spans.take();
  });

  it('is turned off by 0', async () => {
    let flushes = 0;
    const tracerProvider = provider(async () => void flushes++);
    await tracedHandler(async () => 'ok', { tracerProvider, flushTimeout: 0 })();

    expect(flushes).toBe(0);
    await spans.take();
  });
});
