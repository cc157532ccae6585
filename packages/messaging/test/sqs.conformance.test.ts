import { AsyncLocalStorage } from 'node:async_hooks';
import { traceClient, traceHandler } from '@throughline/messaging/sqs';
import { traceConsumerOptions } from '@throughline/messaging/sqs-consumer';
import {
  defineMessagingConformance,
  type HandlerOutcome,
  type MessageToHandle,
  type MessageToSend,
  type MessagingClientUnderTest,
  type MessagingTraceOptions,
} from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { command } from './fake-aws.ts';
import { asAttributes, FakeQueue, fakeSqs, QUEUE_URL, type QueuedMessage } from './fake-sqs.ts';

type Received = QueuedMessage & { readonly ReceiptHandle: string };

defineMessagingConformance(
  { describe, it },
  {
    name: 'sqs and sqs-consumer',
    sdk: sdk3,
    system: 'aws.sqs',
    names: {
      send: 'send orders',
      create: 'create orders',
      process: 'process orders',
      receive: 'receive orders',
      settle: 'delete orders',
    },
    capabilities: {
      handsBack: { reason: 'no method of a client of the SDK returns a client' },
      duplicates: { reason: 'an attribute has one value, and a name occurs once' },
      letterCase: { reason: 'a receive gets the attributes that it names, in the letter case that it names' },
    },
    connect,
  },
);

function connect(options: MessagingTraceOptions): MessagingClientUnderTest {
  const queue = new FakeQueue();
  const raw = fakeSqs(queue);
  const client = traceClient(raw, options);
  const handed = (message: Received): MessageToHandle => ({
    body: message.Body,
    settle: () =>
      client.send(command('DeleteMessage', { QueueUrl: QUEUE_URL, ReceiptHandle: message.ReceiptHandle })),
  });

  /** As sqs-consumer does: asks for what the options name, and calls the handler in whatever context it polls in. */
  function startConsumer(
    consumer: Parameters<typeof traceConsumerOptions>[0],
    call: (messages: Received[]) => void,
  ) {
    const inContext = AsyncLocalStorage.snapshot();
    queue.arrived = () => {
      const { Messages } = queue.ReceiveMessage({
        MaxNumberOfMessages: 10,
        MessageAttributeNames: consumer.messageAttributeNames ?? [],
        MessageSystemAttributeNames: consumer.messageSystemAttributeNames ?? [],
      });
      if (Messages === undefined) return;
      setImmediate(() => inContext(() => call(Messages as Received[])));
      queue.arrived();
    };
    queue.arrived();
  }

  return {
    wrapped: { client, method: 'send' },
    async send(message, passed) {
      const sent = command('SendMessage', { QueueUrl: QUEUE_URL, ...entryOf(message) });
      passed?.({ input: sent.input });
      return client.send(sent);
    },
    async sendBatch(messages) {
      const Entries = messages.map((message, index) => ({ Id: `${index}`, ...entryOf(message) }));
      return client.send(command('SendMessageBatch', { QueueUrl: QUEUE_URL, Entries }));
    },
    async consume(handler, outcome) {
      const handleMessage = (message: Received) => handler(handed(message));
      const consumer = traceConsumerOptions({ queueUrl: QUEUE_URL, handleMessage }, options);
      startConsumer(consumer, (messages) => {
        for (const message of messages) tell(() => consumer.handleMessage(message), outcome);
      });
    },
    async consumeBatch(handler) {
      const handleMessageBatch = (messages: Received[]) => {
        const known = new Map(messages.map((message) => [handed(message), message]));
        return handler([...known.keys()], (one, handle) =>
          traceHandler(handle, options)(known.get(one) as Received),
        );
      };
      const consumer = traceConsumerOptions({ queueUrl: QUEUE_URL, handleMessageBatch }, options);
      startConsumer(consumer, (messages) => void consumer.handleMessageBatch(messages));
    },
    async plant(messages) {
      queue.add(...messages.map(queued));
    },
    async take() {
      const { Messages: [message] = [] } = queue.ReceiveMessage({ MessageAttributeNames: ['All'] });
      if (!message) throw new Error('nothing was sent');
      const { Body, MessageAttributes = {} } = message as Received;
      const values = Object.entries(MessageAttributes).map(([name, { StringValue = '' }]) => [
        name,
        [StringValue],
      ]);
      return { body: Body, metadata: Object.fromEntries(values) };
    },
    failNextSend(error) {
      raw.failure = error;
    },
  };
}

async function tell(call: () => unknown, outcome: (outcome: HandlerOutcome) => void = () => {}) {
  try {
    outcome({ value: await call() });
  } catch (error) {
    outcome({ error });
  }
}

const texts = (metadata: MessageToSend['metadata'] = {}) => asAttributes(metadata as Record<string, string>);

const entryOf = ({ body, metadata }: MessageToSend) => ({
  MessageBody: body,
  ...(metadata && { MessageAttributes: texts(metadata) }),
});

const queued = ({ body, metadata, timestamp }: MessageToSend): QueuedMessage => ({
  Body: body,
  MessageAttributes: texts(metadata),
  ...(timestamp !== undefined && { Attributes: { SentTimestamp: `${timestamp}` } }),
});
