import { traceChannel } from '@throughline/messaging/amqplib';
import {
  defineMessagingConformance,
  type MessageToSend,
  type MessagingClientUnderTest,
  type MessagingTraceOptions,
} from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { FakeChannel, FakeConfirmChannel, type FakeMessage } from './fake-amqp-channel.ts';

const QUEUE = 'orders';

function connect<C extends FakeChannel>(
  raw: C,
  send: (channel: C, content: Buffer, properties: FakeMessage['properties'] | undefined) => Promise<unknown>,
) {
  return (options: MessagingTraceOptions): MessagingClientUnderTest => {
    const channel = traceChannel(raw, options);
    return {
      wrapped: {
        client: channel,
        method: 'sendToQueue',
        handsBack: { 'on()': () => channel.on('drain', () => {}) },
      },
      async send({ body, metadata }, passed) {
        const properties = metadata && { headers: { ...metadata } };
        passed?.({ properties });
        return send(channel, Buffer.from(body), properties);
      },
      async consume(handler, outcome) {
        if (outcome)
          raw.outcomes = async (result) => {
            try {
              outcome({ value: await result() });
            } catch (error) {
              outcome({ error });
            }
          };
        return channel.consume(QUEUE, (message) => {
          if (message === null) return undefined;
          return handler({ body: message.content.toString(), settle: () => channel.ack(message) });
        });
      },
      async plant(messages: readonly MessageToSend[]) {
        for (const { body, metadata = {}, timestamp } of messages) {
          // AMQP counts in seconds.
          const seconds = timestamp === undefined ? undefined : Math.floor(timestamp / 1000);
          raw.deliver(QUEUE, { exchange: '', routingKey: QUEUE, deliveryTag: 0 }, Buffer.from(body), {
            headers: metadata,
            timestamp: seconds,
          });
        }
      },
      async take() {
        const message = await raw.get(QUEUE);
        if (!message) throw new Error('nothing was sent');
        const entries = Object.entries(message.properties.headers ?? {});
        return {
          body: message.content.toString(),
          metadata: Object.fromEntries(entries.map(([name, value]) => [name, [value].flat().map(String)])),
        };
      },
      failNextSend(error) {
        raw.failure = error;
      },
    };
  };
}

const CAPABILITIES = {
  sendBatch: { reason: 'amqplib sends one by one' },
  consumeBatch: { reason: 'amqplib delivers one by one' },
} as const;

const shared = {
  sdk: sdk3,
  system: 'rabbitmq',
  names: { send: 'publish orders', process: 'process orders', settle: 'ack orders' },
  capabilities: CAPABILITIES,
};

defineMessagingConformance(
  { describe, it },
  {
    ...shared,
    name: 'amqplib channel',
    connect: (options) =>
      connect(new FakeChannel(), async (channel, content, properties) =>
        channel.sendToQueue(QUEUE, content, properties),
      )(options),
  },
);

defineMessagingConformance(
  { describe, it },
  {
    ...shared,
    name: 'amqplib confirm channel',
    connect: (options) =>
      connect(
        new FakeConfirmChannel(),
        (channel, content, properties) =>
          new Promise<void>((resolve, reject) => {
            channel.sendToQueue(QUEUE, content, properties, (error) => (error ? reject(error) : resolve()));
          }),
      )(options),
  },
);
