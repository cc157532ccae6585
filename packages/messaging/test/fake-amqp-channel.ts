import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';

export interface FakeMessage {
  readonly content: Buffer;
  readonly fields: { exchange: string; routingKey: string; deliveryTag: number; consumerTag?: string };
  readonly properties: Record<string, unknown> & { headers?: Record<string, unknown> };
}

type OnMessage = (message: FakeMessage | null) => unknown;

/**
 * A channel of amqplib's promise API over queues in memory, bound by name and by `bindings` of an exchange.
 *
 * Handlers are called as amqplib calls them: later, in the context of whoever set the consumer up, and without regard
 * to what they return; `outcomes` sees that.
 */
export class FakeChannel extends EventEmitter {
  readonly connection = { stream: { remoteAddress: '127.0.0.1', remotePort: 5672 } };
  readonly queues = new Map<string, FakeMessage[]>();
  readonly bindings = new Map<string, string[]>();
  readonly settled: unknown[][] = [];
  outcomes: (result: () => unknown) => void = (result) => void result();
  failure: Error | undefined;
  readonly #consumers = new Map<string, (message: FakeMessage | null) => void>();
  #tags = 0;

  publish(
    exchange: string,
    routingKey: string,
    content: Buffer,
    properties: FakeMessage['properties'] = {},
  ): boolean {
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure;
    for (const queue of exchange === '' ? [routingKey] : (this.bindings.get(exchange) ?? []))
      this.deliver(queue, { exchange, routingKey, deliveryTag: 0 }, content, properties);
    return true;
  }

  sendToQueue(queue: string, content: Buffer, properties?: FakeMessage['properties']): boolean {
    return this.publish('', queue, content, properties);
  }

  deliver(
    queue: string,
    fields: FakeMessage['fields'],
    content: Buffer,
    properties: FakeMessage['properties'],
  ): void {
    this.#tags += 1;
    const message = { content, fields: { ...fields, deliveryTag: this.#tags }, properties };
    const consumer = this.#consumers.get(queue);
    if (consumer) consumer(message);
    else this.queues.set(queue, [...(this.queues.get(queue) ?? []), message]);
  }

  async consume(queue: string, onMessage: OnMessage): Promise<{ consumerTag: string }> {
    const inContext = AsyncLocalStorage.snapshot();
    const deliver = (message: FakeMessage | null) =>
      setImmediate(() => inContext(() => this.outcomes(() => onMessage(message))));
    this.#consumers.set(queue, deliver);
    for (const waiting of this.queues.get(queue) ?? []) deliver(waiting);
    this.queues.delete(queue);
    return { consumerTag: `of ${queue}` };
  }

  cancel(queue: string): void {
    this.#consumers.get(queue)?.(null);
  }

  async get(queue: string): Promise<FakeMessage | false> {
    return this.queues.get(queue)?.shift() ?? false;
  }

  ack(...args: unknown[]): void {
    this.settled.push(['ack', ...args]);
  }

  nack(...args: unknown[]): void {
    this.settled.push(['nack', ...args]);
  }

  reject(...args: unknown[]): void {
    this.settled.push(['reject', ...args]);
  }

  ackAll(): void {
    this.settled.push(['ackAll']);
  }
}

/** Confirms every publish in the next turn, with `nextConfirm` if that is set. */
export class FakeConfirmChannel extends FakeChannel {
  nextConfirm: Error | null = null;

  override publish(
    exchange: string,
    routingKey: string,
    content: Buffer,
    properties?: FakeMessage['properties'],
    confirmed?: (error: Error | null) => void,
  ): boolean {
    super.publish(exchange, routingKey, content, properties);
    const outcome = this.nextConfirm;
    this.nextConfirm = null;
    setImmediate(() => confirmed?.(outcome));
    return true;
  }

  override sendToQueue(
    queue: string,
    content: Buffer,
    properties?: FakeMessage['properties'],
    confirmed?: (error: Error | null) => void,
  ): boolean {
    return this.publish('', queue, content, properties, confirmed);
  }

  async waitForConfirms(): Promise<void> {}
}
