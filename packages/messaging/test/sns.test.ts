import { SpanKind } from '@opentelemetry/api';
import { traceClient } from '@throughline/messaging/sns';
import type { SpanCollector } from '@throughline/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { command, type FakeAttributes } from './fake-aws.ts';
import { fakeSns, TOPIC_ARN } from './fake-sns.ts';
import { asAttributes } from './fake-sqs.ts';
import { asCaller, reports, startRecording, stopRecording, TRACEPARENT } from './recording.ts';

const CALLER = { traceparent: TRACEPARENT, tracestate: 'vendor=1', baggage: 'tenant=acme' };

interface Published {
  readonly Message: string;
  readonly MessageAttributes?: FakeAttributes;
}

const own = (count: number) =>
  asAttributes(Object.fromEntries(Array.from({ length: count }, (_, n) => [`own-${n}`, 'x'])));

const added = ({ MessageAttributes = {} }: Published) =>
  Object.keys(MessageAttributes).filter((name) => !name.startsWith('own-'));

let spans: SpanCollector;
let raw: ReturnType<typeof fakeSns>;
beforeEach(() => {
  spans = startRecording();
  raw = fakeSns();
});
afterEach(() => stopRecording(spans));

async function published(message: Published): Promise<Published> {
  const publish = command('Publish', { TopicArn: TOPIC_ARN, ...message });
  await asCaller(CALLER, () => traceClient(raw).send(publish));
  expect(await spans.take()).toMatchObject({ name: 'publish orders', kind: SpanKind.PRODUCER });
  return raw.requests.at(-1)?.input as unknown as Published;
}

it.each([
  [7, ['traceparent', 'tracestate', 'baggage']],
  [8, ['traceparent', 'tracestate']],
  [9, ['traceparent']],
  [10, []],
  [11, []],
])('adds to %i attributes %j, so that raw delivery loses no message', async (count, expected) => {
  const message = await published({ Message: 'body', MessageAttributes: own(count) });
  expect(added(message)).toEqual(expected);
  expect(Object.keys(message.MessageAttributes ?? {})).toHaveLength(count + expected.length);
});

it('adds nothing that would make the message too large, and reports it once', async () => {
  const lines = reports();
  const Message = 'x'.repeat(262_144 - 100);
  for (const _ of [1, 2]) expect(added(await published({ Message }))).toEqual([]);
  expect(lines).toEqual([
    '[throughline] a message to SNS had no bytes left for attributes; its trace was not sent',
  ]);
  expect(added(await published({ Message: Message.slice(400) }))).toHaveLength(3);
});

it('gives each entry of a batch its own context and its own budget', async () => {
  const entries = [
    { Id: 'a', Message: 'a' },
    { Id: 'b', Message: 'b', MessageAttributes: own(9) },
  ];
  const batch = command('PublishBatch', { TopicArn: TOPIC_ARN, PublishBatchRequestEntries: entries });
  await asCaller(CALLER, () => traceClient(raw).send(batch));
  const creates = await spans.takeMany(2, ({ kind }) => kind === SpanKind.PRODUCER);
  expect((await spans.take()).attributes).toMatchObject({
    'messaging.batch.message_count': 2,
    'aws.sns.topic.arn': TOPIC_ARN,
  });
  const sent = raw.requests[0]?.input.PublishBatchRequestEntries as Published[];
  expect(sent.map(added)).toEqual([['traceparent', 'tracestate', 'baggage'], ['traceparent']]);
  for (const [index, create] of creates.entries())
    expect(sent[index]?.MessageAttributes?.traceparent?.StringValue).toContain(create.spanContext().spanId);
});

it('sends an SMS as it is, and writes no phone number into a span', async () => {
  const sms = command('Publish', { PhoneNumber: '+15550100', Message: 'code 1' });
  await asCaller(CALLER, () => traceClient(raw).send(sms));
  expect(raw.requests[0]?.input).toBe(sms.input);
});
