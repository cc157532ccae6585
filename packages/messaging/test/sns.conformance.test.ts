import { traceClient, traceHandler } from '@throughline/messaging/sns';
import {
  defineMessagingConformance,
  type MessageToSend,
  type MessagingClientUnderTest,
  type MessagingTraceOptions,
} from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { command } from './fake-aws.ts';
import { FakeTopic, fakeSns, type Notification, TOPIC_ARN } from './fake-sns.ts';
import { asAttributes } from './fake-sqs.ts';

defineMessagingConformance(
  { describe, it },
  {
    name: 'sns',
    sdk: sdk3,
    system: 'aws.sns',
    names: { send: 'publish orders', create: 'create orders', process: 'process orders' },
    capabilities: {
      consumeBatch: { reason: 'SNS delivers one by one' },
      settle: { reason: 'the answer to the HTTP request settles a notification' },
      handsBack: { reason: 'no method of a client of the SDK returns a client' },
      duplicates: { reason: 'an attribute has one value, and a name occurs once' },
    },
    connect,
  },
);

function connect(options: MessagingTraceOptions): MessagingClientUnderTest {
  const topic = new FakeTopic();
  const raw = fakeSns(topic);
  const client = traceClient(raw, options);
  return {
    wrapped: { client, method: 'send' },
    async send(message, passed) {
      const sent = command('Publish', { TopicArn: TOPIC_ARN, ...entryOf(message) });
      passed?.({ input: sent.input });
      return client.send(sent);
    },
    async sendBatch(messages) {
      const entries = messages.map((message, index) => ({ Id: `${index}`, ...entryOf(message) }));
      return client.send(
        command('PublishBatch', { TopicArn: TOPIC_ARN, PublishBatchRequestEntries: entries }),
      );
    },
    async consume(handler, outcome = () => {}) {
      const handle = traceHandler(({ Message }: Notification) => handler({ body: Message }), options);
      // Each is a request to an HTTP endpoint, with nothing active around it.
      topic.posted = () => {
        for (const body of topic.posts.splice(0))
          setImmediate(async () => {
            try {
              outcome({ value: await handle(JSON.parse(body) as Notification) });
            } catch (error) {
              outcome({ error });
            }
          });
      };
      topic.posted();
    },
    async plant(messages) {
      for (const { body, metadata = {}, timestamp } of messages)
        topic.post({
          Message: body,
          ...(timestamp !== undefined && { Timestamp: new Date(timestamp).toISOString() }),
          MessageAttributes: Object.fromEntries(
            Object.entries(metadata).map(([name, Value]) => [name, { Type: 'String', Value: `${Value}` }]),
          ),
        });
    },
    async take() {
      const { Message, MessageAttributes = {} } = JSON.parse(topic.posts.shift() ?? '') as Notification;
      const values = Object.entries(MessageAttributes).map(([name, { Value }]) => [name, [Value]]);
      return { body: Message, metadata: Object.fromEntries(values) };
    },
    failNextSend(error) {
      raw.failure = error;
    },
  };
}

const entryOf = ({ body, metadata }: MessageToSend) => ({
  Message: body,
  ...(metadata && { MessageAttributes: asAttributes(metadata as Record<string, string>) }),
});
