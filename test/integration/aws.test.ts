import { randomBytes } from 'node:crypto';
import { type Message, SendMessageCommand, SQS } from '@aws-sdk/client-sqs';
import { context, propagation, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { traceClient, traceHandler } from '@throughline/messaging/sqs';
import { traceConsumerOptions } from '@throughline/messaging/sqs-consumer';
import { createPropagator } from '@throughline/propagators';
import { createSpanCollector } from '@throughline/testing';
import { Consumer } from 'sqs-consumer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attributesOf, emulatorAt } from './aws-queue.ts';

const endpoint = process.env.TL_MOTO_URL;
const CALLER = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'vendor=1',
  baggage: 'tenant=acme',
};

/** This many attributes of the application's own. */
const own = (count: number) =>
  attributesOf(Object.fromEntries(Array.from({ length: count }, (_, n) => [`own-${n}`, 'x'])));

describe.skipIf(!endpoint)(`SQS${endpoint ? '' : ' (skipped: TL_MOTO_URL is not set)'}`, () => {
  const spans = createSpanCollector();
  const requests: { operation: string; body: Record<string, unknown> }[] = [];
  let bare: SQS;
  let client: SQS;
  let QueueUrl = '';

  beforeAll(async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(createPropagator('tracecontext,baggage'));
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
    bare = new SQS(emulatorAt(endpoint as string));
    bare.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const { body } = args.request as { body: Uint8Array };
          requests.push({ operation: commandName ?? '', body: JSON.parse(new TextDecoder().decode(body)) });
          return next(args);
        },
      { step: 'finalizeRequest', name: 'watchRequests' },
    );
    client = traceClient(bare);
    const { QueueUrl: created } = await bare.createQueue({
      QueueName: `tl-${randomBytes(4).toString('hex')}`,
    });
    QueueUrl = created as string;
  });
  afterAll(() => {
    bare?.destroy();
    trace.disable();
    context.disable();
    propagation.disable();
  });

  const asCaller = <T>(fn: () => T) => context.with(propagation.extract(ROOT_CONTEXT, CALLER), fn);

  async function received(): Promise<Message> {
    const { Messages: [message] = [] } = await client.receiveMessage({ QueueUrl, WaitTimeSeconds: 5 });
    await bare.deleteMessage({ QueueUrl, ReceiptHandle: message?.ReceiptHandle });
    return message as Message;
  }

  it.each([
    [0, ['baggage', 'traceparent', 'tracestate']],
    [8, ['traceparent', 'tracestate']],
    [9, ['traceparent']],
    [10, []],
  ])('takes a message that has %i attributes already, and gives back %j', async (count, expected) => {
    requests.length = 0;
    await asCaller(() =>
      client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'a', MessageAttributes: own(count) })),
    );
    const send = await spans.take();
    const message = await received();
    const receive = await spans.take();
    expect(Object.keys(message.MessageAttributes ?? {}).toSorted()).toEqual(expected);
    expect(message.Attributes?.AWSTraceHeader !== undefined).toBe(count === 10);
    // The emulator takes any number; SQS does not.
    expect(Object.keys(requests[0]?.body.MessageAttributes ?? {})).toHaveLength(count + expected.length);
    expect(requests[1]).toMatchObject({
      operation: 'ReceiveMessageCommand',
      body: {
        MessageAttributeNames: ['traceparent', 'tracestate', 'baggage'],
        MessageSystemAttributeNames: ['AWSTraceHeader', 'SentTimestamp'],
      },
    });
    expect(receive.links.map((link) => link.context.spanId)).toEqual([send.spanContext().spanId]);
    traceHandler(() => {})(message);
    expect((await spans.take()).parentSpanContext?.spanId).toBe(send.spanContext().spanId);
    spans.assertClean();
  });

  it('hands a batch to sqs-consumer, each message of it with a span of its own', async () => {
    const Entries = ['a', 'b'].map((Id) => ({ Id, MessageBody: Id }));
    await asCaller(() => client.sendMessageBatch({ QueueUrl, Entries }));
    const creates = await spans.takeMany(2, ({ kind }) => kind === SpanKind.PRODUCER);
    await spans.take();
    const handle = traceHandler(async ({ Body }: Message) => Body);
    const handled: unknown[] = [];
    const consumer = Consumer.create(
      traceConsumerOptions({
        queueUrl: QueueUrl,
        sqs: bare,
        batchSize: 10,
        async handleMessageBatch(messages) {
          handled.push(...(await Promise.all(messages.map((message) => handle(message)))));
          return messages;
        },
      }),
    );
    consumer.start();
    const linked = [];
    for (let rest = 2; rest > 0; ) {
      const receive = await spans.take(({ name }) => name.startsWith('receive'));
      rest -= receive.links.length;
      linked.push(...receive.links.map((link) => link.context.spanId));
    }
    consumer.stop({ abort: true });
    const processed = await spans.takeMany(2, ({ kind }) => kind === SpanKind.CONSUMER);
    const created = creates.map((span) => span.spanContext().spanId).toSorted();
    expect(handled.toSorted()).toEqual(['a', 'b']);
    expect(linked.toSorted()).toEqual(created);
    expect(processed.flatMap(({ links }) => links.map((link) => link.context.spanId)).toSorted()).toEqual(
      created,
    );
    spans.assertClean();
  });

  it('sends one command twice, each with a context of its own', async () => {
    const command = new SendMessageCommand({ QueueUrl, MessageBody: 'twice' });
    for (const _ of [1, 2]) {
      await client.send(command);
      const { spanId } = (await spans.take()).spanContext();
      expect((await received()).MessageAttributes?.traceparent?.StringValue).toContain(spanId);
      await spans.take();
    }
    expect(command.input).toEqual({ QueueUrl, MessageBody: 'twice' });
  });
});
