import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';

type Attributes = Record<string, string>;

/** A message as a subscription hands it to its listeners. */
export class FakeMessage {
  readonly ackId = 'ack-1';
  readonly id: string;
  readonly data: Buffer;
  readonly attributes: Attributes;
  readonly publishTime: Date;
  readonly orderingKey: string;
  readonly deliveryAttempt: number;
  readonly settled: string[] = [];

  constructor(id: string, data: Buffer, more: Partial<FakeMessage> = {}) {
    this.id = id;
    this.data = data;
    this.attributes = more.attributes ?? {};
    this.publishTime = more.publishTime ?? new Date();
    this.orderingKey = more.orderingKey ?? '';
    this.deliveryAttempt = more.deliveryAttempt ?? 0;
  }

  ack(): void {
    this.settled.push('ack');
  }

  nack(): void {
    this.settled.push('nack');
  }

  async ackWithResponse(): Promise<string> {
    this.settled.push('ackWithResponse');
    return 'SUCCESS';
  }
}

interface Published {
  readonly data?: Buffer;
  readonly json?: object;
  readonly attributes?: Attributes;
  readonly orderingKey?: string;
}

type Callback = (error: Error | null, id?: string) => void;

/** A topic, promises and callbacks as the library's promisified methods have them. */
export class FakeTopic {
  readonly name = 'projects/shop/topics/orders';
  readonly pubsub: { readonly options: { readonly enableOpenTelemetryTracing?: boolean } };
  readonly published: (Published & { readonly id: string })[] = [];
  readonly subscription = new FakeSubscription();
  failure: Error | undefined;

  constructor(options: { readonly enableOpenTelemetryTracing?: boolean } = {}) {
    this.pubsub = { options };
  }

  publishMessage(message: Published): Promise<string>;
  publishMessage(message: Published, callback: Callback): void;
  publishMessage(message: Published, callback?: Callback): Promise<string> | undefined {
    const done = this.#publish(message);
    if (callback === undefined) return done;
    done.then(
      (id) => callback(null, id),
      (error: Error) => callback(error),
    );
    return undefined;
  }

  async publishJSON(json: object, attributes?: Attributes): Promise<string> {
    return this.publishMessage({ json, ...(attributes && { attributes }) });
  }

  flowControlled() {
    return { publish: (message: Published) => void this.#publish(message), publishNow: () => {} };
  }

  async #publish(message: Published): Promise<string> {
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure;
    const id = `${this.published.length + 1}`;
    this.published.push({ ...message, id });
    const { data = Buffer.from(JSON.stringify(message.json)), attributes = {} } = message;
    this.subscription.deliver(new FakeMessage(id, data, { attributes }));
    return id;
  }
}

/**
 * A subscription. Its listeners are called later, in the context of whoever added one and so opened the stream, and nobody looks at what
 * they return; `outcomes` does.
 */
export class FakeSubscription extends EventEmitter {
  readonly name = 'projects/shop/subscriptions/mailer';
  readonly pubsub = { options: {} };
  outcomes: (result: () => unknown) => void = (result) => void result();
  #inContext = AsyncLocalStorage.snapshot();

  override on(event: string, listener: (...args: never[]) => unknown): this {
    this.#inContext = AsyncLocalStorage.snapshot();
    return super.on(event, listener as () => void);
  }

  deliver(message: FakeMessage): void {
    setImmediate(() =>
      this.#inContext(() => {
        for (const listener of this.listeners('message'))
          this.outcomes(() => Reflect.apply(listener, this, [message]));
      }),
    );
  }
}
