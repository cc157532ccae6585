import { on } from 'node:events';
import { ServiceBusClient, type ServiceBusReceivedMessage } from '@azure/service-bus';
import { type Message, PubSub } from '@google-cloud/pubsub';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pubsub } from './services/pubsub.ts';
import type { RunningService } from './services/service.ts';
import { serviceBus } from './services/service-bus.ts';

// What other tests take from the doubles must be there, or their redeliveries would prove nothing.
describe('the double of Pub/Sub', () => {
  let broker: RunningService;
  let client: PubSub;

  beforeEach(async () => {
    broker = await pubsub.start();
    client = new PubSub({ projectId: 'any', apiEndpoint: new URL(broker.url).host, emulatorMode: true });
  });

  afterEach(async () => {
    await client.close();
    await broker.stop();
  });

  it('delivers a message again that was not acknowledged, over a restart too', async () => {
    const [topic] = await client.createTopic('orders');
    const [subscription] = await topic.createSubscription('mailer');
    await topic.publishMessage({ data: Buffer.from('order') });
    // One listener for all: without any the client closes the subscription and gives back what it holds.
    const messages = on(subscription, 'message');
    const next = async () => ((await messages.next()).value as [Message])[0];

    const first = await next();
    first.nack();
    const second = await next();
    expect([first.deliveryAttempt, second.deliveryAttempt]).toEqual([1, 2]);
    expect(second.id).toBe(first.id);
    await second.ackWithResponse();

    await broker.restart();
    await topic.publishMessage({ data: Buffer.from('another') });
    const third = await next();
    expect(`${third.data}`).toBe('another');
    third.ack();
    await subscription.close();
  });

  it('refuses what does not exist', async () => {
    await expect(client.topic('nobody').publishMessage({ data: Buffer.from('x') })).rejects.toThrow(
      'Resource not found',
    );
  });
});

describe('the double of Service Bus', () => {
  let broker: RunningService;
  let client: ServiceBusClient;
  const connect = () => new ServiceBusClient(broker.url);

  beforeEach(async () => {
    broker = await serviceBus.start();
    client = connect();
  });

  afterEach(async () => {
    await client.close();
    await broker.stop();
  });

  it('takes a batch apart, and settles each message as it is told', async () => {
    await client
      .createSender('orders')
      .sendMessages([{ body: 'complete' }, { body: 'abandon' }, { body: 'dead' }]);
    const receiver = client.createReceiver('orders');
    const receive = () => receiver.receiveMessages(3, { maxWaitTimeInMs: 500 });

    const [completed, abandoned, dead] = (await receive()) as [
      ServiceBusReceivedMessage,
      ServiceBusReceivedMessage,
      ServiceBusReceivedMessage,
    ];
    await receiver.completeMessage(completed);
    await receiver.abandonMessage(abandoned);
    await receiver.deadLetterMessage(dead);

    const again = await receive();
    expect(again.map(({ body, deliveryCount }) => [body, deliveryCount])).toEqual([['abandon', 1]]);
  });

  it('gives each subscription of a topic its own copy', async () => {
    // A subscription appears when its first receiver does.
    const receivers = ['mailer', 'ledger'].map((name) => client.createReceiver('orders', name));
    const receive = () =>
      Promise.all(receivers.map((each) => each.receiveMessages(1, { maxWaitTimeInMs: 500 })));
    expect(await receive()).toEqual([[], []]);

    await client.createSender('orders').sendMessages({ body: 'order' });
    expect((await receive()).map(([message]) => message?.body)).toEqual(['order', 'order']);
  });

  it('keeps its messages over a restart', async () => {
    await client.createSender('orders').sendMessages({ body: 'before' });
    await client.close();
    await broker.restart();
    client = connect();
    const [message] = await client.createReceiver('orders').receiveMessages(1);
    expect(message?.body).toBe('before');
  });
});
