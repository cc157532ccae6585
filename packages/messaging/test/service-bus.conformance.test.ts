import { traceReceiver, traceSender } from '@throughline/messaging/service-bus';
import {
  defineMessagingConformance,
  type MessageToSend,
  type MessagingClientUnderTest,
  type MessagingTraceOptions,
} from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { type FakeMessage, FakeQueue } from './fake-service-bus.ts';

defineMessagingConformance(
  { describe, it },
  {
    name: '@azure/service-bus',
    sdk: sdk3,
    system: 'azure.servicebus',
    names: {
      send: 'send orders',
      create: 'create orders',
      process: 'process orders',
      settle: 'complete orders',
    },
    capabilities: {
      consumeBatch: { reason: 'a subscription handles one by one' },
      handsBack: { reason: 'no method of a sender returns a sender' },
      duplicates: { reason: 'a property has one value' },
    },
    connect,
  },
);

function connect(options: MessagingTraceOptions): MessagingClientUnderTest {
  const queue = new FakeQueue();
  const sender = traceSender(queue.createSender(), options);
  const receiver = traceReceiver(queue.createReceiver(), options);
  return {
    wrapped: { client: sender, method: 'sendMessages' },
    async send(message, passed) {
      const sent = messageOf(message);
      passed?.(sent);
      return sender.sendMessages(sent);
    },
    sendBatch: (messages) => sender.sendMessages(messages.map(messageOf)),
    async consume(handler, outcome) {
      if (outcome)
        queue.outcomes = async (result) => {
          try {
            outcome({ value: await result() });
          } catch (error) {
            outcome({ error });
          }
        };
      receiver.subscribe({
        // The cast: the client wants a promise, and gets whatever the handler returns.
        processMessage: (message) =>
          handler({
            body: String(message.body),
            settle: () => receiver.completeMessage(message),
          }) as Promise<void>,
        processError: async () => {},
      });
    },
    async plant(messages) {
      for (const message of messages)
        queue.add({
          ...messageOf(message),
          ...(message.timestamp !== undefined && { enqueuedTimeUtc: new Date(message.timestamp) }),
        });
    },
    async take() {
      const sent = queue.messages.shift();
      if (!sent) throw new Error('nothing was sent');
      const values = Object.entries(sent.applicationProperties ?? {}).map(([name, value]) => [
        name,
        [String(value)],
      ]);
      return { body: String(sent.body), metadata: Object.fromEntries(values) };
    },
    failNextSend(error) {
      queue.failure = error;
    },
  };
}

const messageOf = ({ body, metadata }: MessageToSend): FakeMessage => ({
  body,
  ...(metadata && { applicationProperties: { ...metadata } }),
});
