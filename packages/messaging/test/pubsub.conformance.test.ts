import { traceSubscription, traceTopic } from '@throughline/messaging/pubsub';
import {
  defineMessagingConformance,
  type MessageToSend,
  type MessagingClientUnderTest,
  type MessagingTraceOptions,
} from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { FakeMessage, FakeTopic } from './fake-pubsub.ts';

defineMessagingConformance(
  { describe, it },
  {
    name: '@google-cloud/pubsub',
    sdk: sdk3,
    system: 'gcp.pubsub',
    names: { send: 'send orders', process: 'process mailer', settle: 'ack mailer' },
    capabilities: {
      sendBatch: { reason: 'the library makes batches by itself' },
      consumeBatch: { reason: 'the library hands messages over one by one' },
      handsBack: { reason: 'no method of a topic returns a topic' },
      duplicates: { reason: 'an attribute has one value' },
    },
    connect,
  },
);

function connect(options: MessagingTraceOptions): MessagingClientUnderTest {
  const raw = new FakeTopic();
  const topic = traceTopic(raw, options);
  const subscription = traceSubscription(raw.subscription, options);
  const attributesOf = (metadata: MessageToSend['metadata']) => ({ ...metadata }) as Record<string, string>;
  return {
    wrapped: { client: topic, method: 'publishMessage' },
    async send({ body, metadata }, passed) {
      const message = { data: Buffer.from(body), ...(metadata && { attributes: attributesOf(metadata) }) };
      // A clone of a Buffer is none, and would not be equal to it.
      const { data: _, ...objects } = message;
      passed?.(objects);
      return topic.publishMessage(message);
    },
    async consume(handler, outcome) {
      if (outcome)
        raw.subscription.outcomes = async (result) => {
          try {
            outcome({ value: await result() });
          } catch (error) {
            outcome({ error });
          }
        };
      subscription.on('message', (message: FakeMessage) =>
        handler({ body: `${message.data}`, settle: () => message.ack() }),
      );
    },
    async plant(messages) {
      for (const { body, metadata, timestamp } of messages)
        raw.subscription.deliver(
          new FakeMessage('planted', Buffer.from(body), {
            attributes: attributesOf(metadata),
            publishTime: new Date(timestamp ?? Date.now()),
          }),
        );
    },
    async take() {
      const sent = raw.published.shift();
      if (!sent) throw new Error('nothing was sent');
      const values = Object.entries(sent.attributes ?? {}).map(([name, value]) => [name, [value]]);
      return { body: `${sent.data}`, metadata: Object.fromEntries(values) };
    },
    failNextSend(error) {
      raw.failure = error;
    },
  };
}
