import { propagation, SpanKind, trace } from '@opentelemetry/api';
import { traceClient, traceHandler } from '@throughline/messaging/sqs';
import { JaegerPropagator, XRayPropagator } from '@throughline/propagators';
import type { SpanCollector } from '@throughline/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { command, type FakeAttributes } from './fake-aws.ts';
import { asAttributes, FakeQueue, fakeSqs, QUEUE_URL } from './fake-sqs.ts';
import {
  asCaller,
  reports,
  SPAN_ID,
  startRecording,
  stopRecording,
  TRACE_ID,
  TRACEPARENT,
} from './recording.ts';

const CALLER = { traceparent: TRACEPARENT, tracestate: 'vendor=1', baggage: 'tenant=acme' };
const SAMPLED_HEADER = `Root=1-${TRACE_ID.slice(0, 8)}-${TRACE_ID.slice(8)};Parent=${SPAN_ID};Sampled=1`;

interface SentMessage {
  readonly MessageBody: string;
  readonly MessageAttributes?: FakeAttributes;
  readonly MessageSystemAttributes?: FakeAttributes;
}

/** This many attributes of the application's own. */
const own = (count: number) =>
  asAttributes(Object.fromEntries(Array.from({ length: count }, (_, n) => [`own-${n}`, 'x'])));

const added = ({ MessageAttributes = {} }: SentMessage) =>
  Object.keys(MessageAttributes).filter((name) => !name.startsWith('own-'));

const headerOf = ({ MessageSystemAttributes }: SentMessage) =>
  MessageSystemAttributes?.AWSTraceHeader?.StringValue;

function frozen<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) frozen(part);
  return Object.freeze(value);
}

let spans: SpanCollector;
let raw: ReturnType<typeof fakeSqs>;
beforeEach(() => {
  spans = startRecording();
  raw = fakeSqs(new FakeQueue());
});
afterEach(() => stopRecording(spans));

/** Sends one message as part of the caller's trace; returns what went out. */
async function sent(
  message: Partial<SentMessage>,
  caller: Record<string, string> = CALLER,
): Promise<SentMessage> {
  const input = frozen({ QueueUrl: QUEUE_URL, MessageBody: 'body', ...message });
  await asCaller(caller, () => traceClient(raw).send(command('SendMessage', input)));
  await spans.take(({ name }) => name === 'send orders');
  return raw.requests.at(-1)?.input as unknown as SentMessage;
}

describe('a message that is sent', () => {
  it.each([
    [0, ['traceparent', 'tracestate', 'baggage']],
    [7, ['traceparent', 'tracestate', 'baggage']],
    [8, ['traceparent', 'tracestate']],
    [9, ['traceparent']],
    [10, []],
  ])('with %i attributes of its own gets %j', async (count, expected) => {
    const message = await sent({ MessageAttributes: own(count) });
    expect(added(message)).toEqual(expected);
    expect(Object.keys(message.MessageAttributes ?? {}).length).toBeLessThanOrEqual(10);
    if (count < 10) expect(headerOf(message)).toBeUndefined();
  });

  it('with all attributes taken has its trace in AWSTraceHeader', async () => {
    const queue = raw.service;
    await asCaller(CALLER, () =>
      traceClient(raw).send(
        command('SendMessage', { QueueUrl: QUEUE_URL, MessageBody: 'full', MessageAttributes: own(10) }),
      ),
    );
    const span = await spans.take();
    expect(queue.messages[0]?.Attributes).toEqual({
      AWSTraceHeader: SAMPLED_HEADER.replace(SPAN_ID, span.spanContext().spanId),
    });
  });

  it("keeps an AWSTraceHeader of the application's own", async () => {
    const theirs = { DataType: 'String', StringValue: 'Root=1-5f84c7a6-0123456789abcdef01234567;Sampled=0' };
    const message = await sent({
      MessageAttributes: own(10),
      MessageSystemAttributes: { AWSTraceHeader: theirs },
    });
    expect(message.MessageSystemAttributes).toEqual({ AWSTraceHeader: theirs });
  });

  it('counts a stale field that it replaces as room', async () => {
    const message = await sent({
      MessageAttributes: { ...own(9), ...asAttributes({ TraceParent: 'nonsense' }) },
    });
    expect(added(message)).toEqual(['traceparent']);
  });

  it.each([262_144, 1_048_576])(
    'that would grow beyond %i bytes has its trace in AWSTraceHeader',
    async (limit) => {
      const MessageBody = 'ü'.repeat(limit / 2);
      const message = await sent({ MessageBody });
      expect(message.MessageAttributes).toBeUndefined();
      expect(headerOf(message)).toContain(TRACE_ID.slice(8));
      const smaller = await sent({ MessageBody: MessageBody.slice(200) });
      expect(added(smaller)).toEqual(['traceparent', 'tracestate', 'baggage']);
    },
  );

  it('has a field whose name no attribute may have left out', async () => {
    propagation.disable();
    propagation.setGlobalPropagator(new JaegerPropagator());
    const message = await sent({}, { 'uber-trace-id': `${TRACE_ID}:${SPAN_ID}:0:1`, 'uberctx-a%20b': '1' });
    expect(added(message)).toEqual(['uber-trace-id']);
  });

  it('has the field of X-Ray in AWSTraceHeader, not in an attribute', async () => {
    propagation.disable();
    propagation.setGlobalPropagator(new XRayPropagator());
    const message = await sent({}, { 'x-amzn-trace-id': SAMPLED_HEADER });
    expect(added(message)).toEqual([]);
    expect(headerOf(message)).toContain(`Root=1-${TRACE_ID.slice(0, 8)}`);
  });

  it('is reported once when it lacks something, by the names of the fields', async () => {
    const lines = reports();
    propagation.disable();
    propagation.setGlobalPropagator(new JaegerPropagator());
    const caller = { 'uber-trace-id': `${TRACE_ID}:${SPAN_ID}:0:1` };
    for (const _ of [1, 2]) await sent({ MessageAttributes: own(10) }, caller);
    expect(lines).toEqual([
      '[throughline] a message to SQS had no attribute left for uber-trace-id: 10 are allowed',
    ]);
  });
});

it('gives each entry of a batch its own context and its own budget', async () => {
  const Entries = frozen([
    { Id: 'a', MessageBody: 'a' },
    { Id: 'b', MessageBody: 'b', MessageAttributes: own(9) },
    { Id: 'c', MessageBody: 'c', MessageAttributes: own(10) },
  ]);
  await asCaller(CALLER, () =>
    traceClient(raw).send(command('SendMessageBatch', frozen({ QueueUrl: QUEUE_URL, Entries }))),
  );
  const creates = await spans.takeMany(3, ({ kind }) => kind === SpanKind.PRODUCER);
  const send = await spans.take();
  expect(send.kind).toBe(SpanKind.CLIENT);
  const entries = raw.requests[0]?.input.Entries as (SentMessage & { Id: string })[];
  expect(entries.map(({ Id }) => Id)).toEqual(['a', 'b', 'c']);
  expect(entries.map(added)).toEqual([['traceparent', 'tracestate', 'baggage'], ['traceparent'], []]);
  const [a, b, c] = creates.map((span) => span.spanContext().spanId);
  expect(entries[0]?.MessageAttributes?.traceparent?.StringValue).toContain(a);
  expect(entries[1]?.MessageAttributes?.traceparent?.StringValue).toContain(b);
  expect(headerOf(entries[2] as SentMessage)).toContain(c);
});

it('counts the size of a batch as a whole', async () => {
  const Entries = [1, 2, 3, 4].map((n) => ({ Id: `${n}`, MessageBody: 'x'.repeat(262_144) }));
  await asCaller(CALLER, () =>
    traceClient(raw).send(command('SendMessageBatch', { QueueUrl: QUEUE_URL, Entries })),
  );
  await spans.takeMany(5);
  const entries = raw.requests[0]?.input.Entries as SentMessage[];
  expect(entries.map(added)).toEqual([[], [], [], []]);
  expect(new Set(entries.map(headerOf)).size).toBe(4);
});

describe('a receive', () => {
  const SYSTEM = ['AWSTraceHeader', 'SentTimestamp'];
  const FIELDS = ['traceparent', 'tracestate', 'baggage'];

  it.each([
    [{}, { MessageAttributeNames: FIELDS, MessageSystemAttributeNames: SYSTEM }],
    [
      { MessageAttributeNames: ['tenant', 'baggage'], MessageSystemAttributeNames: ['SentTimestamp'] },
      {
        MessageAttributeNames: ['tenant', 'baggage', 'traceparent', 'tracestate'],
        MessageSystemAttributeNames: ['SentTimestamp', 'AWSTraceHeader'],
      },
    ],
    [
      { MessageAttributeNames: ['All'], AttributeNames: ['All'] },
      { MessageAttributeNames: ['All'], AttributeNames: ['All'] },
    ],
    [
      { MessageAttributeNames: ['.*'] },
      { MessageAttributeNames: ['.*'], MessageSystemAttributeNames: SYSTEM },
    ],
    [
      { AttributeNames: ['SenderId'] },
      { AttributeNames: ['SenderId', ...SYSTEM], MessageAttributeNames: FIELDS },
    ],
  ])('that asks for %j asks for %j', async (asked, expected) => {
    await traceClient(raw).send(command('ReceiveMessage', frozen({ QueueUrl: QUEUE_URL, ...asked })));
    await spans.take();
    expect(raw.requests[0]?.input).toEqual({ QueueUrl: QUEUE_URL, ...expected });
  });

  it('is a span that links to what came, and its messages are processed inside it or out of it', async () => {
    const client = traceClient(raw);
    await client.send(command('SendMessage', { QueueUrl: QUEUE_URL, MessageBody: 'a' }));
    const send = await spans.take();
    const output = (await client.send(
      command('ReceiveMessage', { QueueUrl: QUEUE_URL, MaxNumberOfMessages: 10 }),
    )) as { Messages: { Body: string }[] };
    const receive = await spans.take();
    expect(receive.name).toBe('receive orders');
    expect(receive.links.map(({ context }) => context.spanId)).toEqual([send.spanContext().spanId]);
    expect(receive.attributes).toMatchObject({
      'messaging.system.name': 'aws.sqs',
      'messaging.batch.message_count': 1,
      'server.address': 'sqs.eu-west-1.amazonaws.com',
      'aws.sqs.queue.url': QUEUE_URL,
    });
    expect(
      traceHandler((message: { Body: string }) => message.Body)(output.Messages[0] as { Body: string }),
    ).toBe('a');
    const process = await spans.take();
    expect(process.name).toBe('process orders');
    expect(process.attributes['messaging.message.id']).toBe('m1');
    expect(process.spanContext().traceId).toBe(send.spanContext().traceId);
  });
});

describe('a message that came', () => {
  const fromSns = (MessageAttributes: object) =>
    JSON.stringify({
      Type: 'Notification',
      TopicArn: 'arn:aws:sns:eu-west-1:1:t',
      Message: '{}',
      MessageAttributes,
    });
  const wrapped = fromSns({ TraceParent: { Type: 'String', Value: TRACEPARENT } });
  const OTHER = TRACEPARENT.replace(TRACE_ID, 'f'.repeat(32));

  it.each([
    ['in its attributes', { MessageAttributes: asAttributes({ TraceParent: TRACEPARENT }) }, TRACE_ID],
    [
      'as bytes',
      { MessageAttributes: { traceparent: { DataType: 'Binary', BinaryValue: Buffer.from(TRACEPARENT) } } },
      TRACE_ID,
    ],
    ['in the envelope of SNS', { Body: wrapped }, TRACE_ID],
    ['in AWSTraceHeader', { Attributes: { AWSTraceHeader: `Self=1-1-1; ${SAMPLED_HEADER}` } }, TRACE_ID],
    [
      'in its attributes before the others',
      {
        MessageAttributes: asAttributes({ traceparent: OTHER }),
        Attributes: { AWSTraceHeader: SAMPLED_HEADER },
        Body: wrapped,
      },
      'f'.repeat(32),
    ],
    [
      'in no unsampled AWSTraceHeader',
      { Attributes: { AWSTraceHeader: SAMPLED_HEADER.replace('d=1', 'd=0') } },
      undefined,
    ],
    [
      'in no AWSTraceHeader without a parent',
      { Attributes: { AWSTraceHeader: 'Root=1-5f84c7a6-0123456789abcdef01234567;Sampled=1' } },
      undefined,
    ],
    [
      'in no body that only looks like an envelope',
      { Body: `{"TopicArn":1,"MessageAttributes":${'['.repeat(9)}` },
      undefined,
    ],
    ['in no envelope with attributes of null', { Body: fromSns({ traceparent: null }) }, undefined],
  ])('has its context %s', async (_, message, traceId) => {
    const seen = traceHandler(() => trace.getActiveSpan()?.spanContext().traceId)({
      Body: 'plain',
      ...message,
    });
    const span = await spans.take();
    expect(seen).toBe(span.spanContext().traceId);
    expect(span.links).toHaveLength(traceId === undefined ? 0 : 1);
    if (traceId !== undefined) expect(seen).toBe(traceId);
  });

  it('has what X-Ray says when its propagator is registered, unsampled too', () => {
    propagation.disable();
    propagation.setGlobalPropagator(new XRayPropagator());
    const Attributes = { AWSTraceHeader: SAMPLED_HEADER.replace('d=1', 'd=0') };
    const seen = traceHandler(() => trace.getActiveSpan()?.spanContext())({ Attributes });
    expect(seen).toMatchObject({ traceId: TRACE_ID, traceFlags: 0 });
  });
});

describe('the client', () => {
  it('settles by deleting and by changing visibility', async () => {
    const client = traceClient(raw);
    const Entries = [{ Id: 'a', ReceiptHandle: 'r1' }];
    for (const operation of ['DeleteMessage', 'ChangeMessageVisibility'])
      await client.send(command(operation, { QueueUrl: QUEUE_URL, ReceiptHandle: 'r1' }));
    for (const operation of ['DeleteMessageBatch', 'ChangeMessageVisibilityBatch'])
      await client.send(command(operation, { QueueUrl: QUEUE_URL, Entries }));
    const settled = await spans.takeMany(4);
    expect(settled.map(({ name }) => name)).toEqual([
      'delete orders',
      'change_visibility orders',
      'delete orders',
      'change_visibility orders',
    ]);
    expect(settled.map(({ attributes }) => attributes['messaging.batch.message_count'])).toEqual([
      undefined,
      undefined,
      1,
      1,
    ]);
  });

  it('passes every other command on as it is', async () => {
    const other = command('PurgeQueue', { QueueUrl: QUEUE_URL });
    const passed: unknown[] = [];
    raw.send = (...args: unknown[]) => void passed.push(...args) as undefined;
    traceClient(raw).send(other, { requestTimeout: 1 });
    expect(passed).toEqual([other, { requestTimeout: 1 }]);
    expect(passed[0]).toBe(other);
  });

  it('keeps the class and the middleware of a command, and leaves the command itself as it was', async () => {
    const original = command('SendMessage', { QueueUrl: QUEUE_URL, MessageBody: 'a' });
    const { input } = original;
    const passed: (typeof original)[] = [];
    const send = raw.send.bind(raw);
    raw.send = (given: typeof original, ...rest: unknown[]) => {
      passed.push(given);
      return send(given, ...rest);
    };
    await traceClient(raw).send(original);
    await spans.take();
    expect(passed[0]).toBeInstanceOf(original.constructor);
    expect(passed[0]?.middlewareStack).toBe(original.middlewareStack);
    expect(passed[0]).not.toBe(original);
    expect(original.input).toBe(input);
    expect(input).toEqual({ QueueUrl: QUEUE_URL, MessageBody: 'a' });
  });

  it('knows commands of older SDKs by their class', async () => {
    class SendMessageCommand {
      readonly input = { QueueUrl: QUEUE_URL, MessageBody: 'a' };
    }
    await traceClient(raw).send(new SendMessageCommand() as never);
    expect((await spans.take()).name).toBe('send orders');
  });

  it.each([[[]], [[{ requestTimeout: 1 }]]])('takes a callback after %j', async (options) => {
    const sending = command('SendMessage', { QueueUrl: QUEUE_URL, MessageBody: 'a' });
    const output = await new Promise((resolve, reject) => {
      traceClient(raw).send(sending, ...options, (error: unknown, value: unknown) =>
        error ? reject(error) : resolve(value),
      );
    });
    expect(output).toEqual({ MessageId: 'm1' });
    expect(await spans.take()).toMatchObject({
      name: 'send orders',
      attributes: { 'messaging.message.id': 'm1' },
    });
    raw.failure = new RangeError('planted');
    const failure = await new Promise((resolve) => void traceClient(raw).send(sending, ...options, resolve));
    expect(failure).toBeInstanceOf(RangeError);
    expect((await spans.take()).attributes['error.type']).toBe('RangeError');
  });

  it('traces the methods that stand for commands', async () => {
    await traceClient(raw).sendMessage({ QueueUrl: QUEUE_URL, MessageBody: 'a' });
    const span = await spans.take();
    const { MessageAttributes } = raw.service.messages[0] ?? {};
    expect(MessageAttributes?.traceparent?.StringValue).toContain(span.spanContext().spanId);
  });

  it.each([
    [{ MessageBody: 7 }],
    [{ MessageBody: null }],
    [{ MessageAttributes: { tenant: null } }],
    [{ MessageAttributes: { tenant: { DataType: 'Binary', BinaryValue: 'text' } } }],
    [{ QueueUrl: 7 }],
  ])('leaves %j for the SDK to refuse', async (input) => {
    await traceClient(raw).send(command('SendMessage', input));
    await spans.take();
    expect(raw.requests[0]?.input).toMatchObject(input);
  });

  it('leaves a batch without entries for the SDK to refuse', async () => {
    const batch = command('SendMessageBatch', { QueueUrl: QUEUE_URL, Entries: 'none' });
    await traceClient(raw)
      .send(batch)
      ?.catch(() => {});
    expect(raw.requests[0]?.input).toBe(batch.input);
  });

  it('keeps the context that a message holds already', async () => {
    const message = await sent({ MessageAttributes: asAttributes({ traceparent: TRACEPARENT }) }, {});
    expect(message.MessageAttributes).toEqual(asAttributes({ traceparent: TRACEPARENT }));
    const header = await sent(
      { MessageSystemAttributes: asAttributes({ AWSTraceHeader: SAMPLED_HEADER }) },
      {},
    );
    expect(header.MessageAttributes).toBeUndefined();
  });

  it('refuses options of the wrong type by name', () => {
    expect(() => traceClient(raw, { ignore: 'send' as never })).toThrow(
      "[throughline/messaging] traceClient(): options.ignore must be a function, got string 'send'",
    );
  });
});
