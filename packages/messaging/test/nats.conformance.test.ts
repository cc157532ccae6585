import { traceConnection, traceConsumer, traceJetStream } from '@throughline/messaging/nats';
import {
  defineMessagingConformance,
  type HandlerOutcome,
  type MessageToSend,
  type MessagingClientUnderTest,
  type MessagingTraceOptions,
} from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import {
  FakeConnection,
  FakeConsumer,
  type FakeHeaders,
  FakeJsMessage,
  FakeMessage,
  headers,
} from './fake-nats.ts';

const SUBJECT = 'orders';

function headersOf(metadata: MessageToSend['metadata']): FakeHeaders {
  const made = headers();
  for (const [name, values] of Object.entries(metadata ?? {}))
    for (const value of [values].flat()) made.append(name, value);
  return made;
}

/** What the kit compares: headers show what they hold only when asked. */
const readable = (options: { headers: FakeHeaders } | undefined) => ({
  options: Object.keys(options ?? {}),
  get headers() {
    return options?.headers.record();
  },
});

const tell = (outcome: (outcome: HandlerOutcome) => void) => async (result: () => unknown) => {
  try {
    outcome({ value: await result() });
  } catch (error) {
    outcome({ error });
  }
};

function connect(options: MessagingTraceOptions): MessagingClientUnderTest {
  const raw = new FakeConnection();
  const connection = traceConnection(raw, { ...options, headers });
  return {
    wrapped: { client: connection, method: 'publish' },
    async send({ body, metadata }, passed) {
      const given = metadata && { headers: headersOf(metadata) };
      passed?.(readable(given));
      connection.publish(SUBJECT, body, given);
    },
    async consume(handler, outcome) {
      if (outcome) raw.outcomes = tell(outcome);
      connection.subscribe(SUBJECT, { callback: (_error, { data }) => handler({ body: data }) });
    },
    async plant(messages) {
      for (const { body, metadata } of messages)
        raw.deliver(new FakeMessage(SUBJECT, body, { headers: headersOf(metadata) }));
    },
    async take() {
      const message = raw.published.shift();
      if (!message) throw new Error('nothing was sent');
      return { body: message.data, metadata: message.headers?.record() ?? {} };
    },
    failNextSend(error) {
      raw.failure = error;
    },
  };
}

function connectJetStream(options: MessagingTraceOptions): MessagingClientUnderTest {
  const core = connect(options);
  const raw = new FakeConnection();
  const stream = traceJetStream(raw, { ...options, headers });
  const consumed = new FakeConsumer();
  const consumer = traceConsumer(consumed, { ...options, headers });
  return {
    ...core,
    wrapped: { client: stream, method: 'publish' },
    async send({ body, metadata }, passed) {
      const given = metadata && { headers: headersOf(metadata) };
      passed?.(readable(given));
      stream.publish(SUBJECT, body, given);
    },
    async consume(handler, outcome) {
      if (outcome) consumed.outcomes = tell(outcome);
      raw.subscribe(SUBJECT, {
        callback: (_error, { data, headers: sent }) =>
          consumed.deliver(new FakeJsMessage(SUBJECT, data, sent && { headers: sent })),
      });
      await consumer.consume({
        callback: (message) => handler({ body: message.data, settle: () => message.ack() }),
      });
    },
    async plant(messages) {
      for (const { body, metadata, timestamp } of messages)
        consumed.deliver(new FakeJsMessage(SUBJECT, body, { headers: headersOf(metadata) }, timestamp));
    },
    async take() {
      const message = raw.published.shift();
      if (!message) throw new Error('nothing was sent');
      return { body: message.data, metadata: message.headers?.record() ?? {} };
    },
    failNextSend(error) {
      raw.failure = error;
    },
  };
}

const shared = {
  sdk: sdk3,
  system: 'nats',
  names: { send: 'publish orders', process: 'process orders', settle: 'ack orders' },
} as const;

const ONE_BY_ONE = {
  sendBatch: { reason: 'the client sends one by one' },
  consumeBatch: { reason: 'the client delivers one by one' },
  handsBack: { reason: 'no method of what publishes returns a client' },
} as const;

defineMessagingConformance(
  { describe, it },
  {
    ...shared,
    name: 'nats connection',
    capabilities: {
      ...ONE_BY_ONE,
      settle: { reason: 'messages of NATS itself are not settled' },
      timestamps: { reason: 'messages of NATS itself have no timestamp' },
    },
    connect,
  },
);

defineMessagingConformance(
  { describe, it },
  { ...shared, name: 'nats JetStream', capabilities: ONE_BY_ONE, connect: connectJetStream },
);
