import { AsyncLocalStorage } from 'node:async_hooks';

type Properties = Record<string, unknown>;

export interface FakeMessage {
  readonly body: unknown;
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly applicationProperties?: Properties;
  readonly enqueuedTimeUtc?: Date;
  readonly deliveryCount?: number;
}

interface Handlers {
  processMessage(message: FakeMessage): Promise<void>;
  processError(args: unknown): Promise<void>;
}

export class FakeBatch {
  readonly maxSizeInBytes = 1024;
  readonly messages: FakeMessage[] = [];

  get sizeInBytes(): number {
    return JSON.stringify(this.messages).length;
  }

  get count(): number {
    return this.messages.length;
  }

  tryAddMessage(message: FakeMessage): boolean {
    this.messages.push(message);
    if (this.sizeInBytes <= this.maxSizeInBytes) return true;
    this.messages.pop();
    return false;
  }
}

/** A sender and a receiver of one queue, as `@azure/service-bus` has them. */
export class FakeQueue {
  readonly messages: FakeMessage[] = [];
  readonly settled: unknown[][] = [];
  readonly scheduled: unknown[][] = [];
  failure: Error | undefined;
  /** Sees what the handler returns; the client itself waits for it and then completes the message. */
  outcomes: (result: () => unknown) => void = (result) => void result();
  readonly #entityPath: string;
  #deliver: (() => void) | undefined;

  constructor(entityPath = 'orders') {
    this.#entityPath = entityPath;
  }

  add(...messages: readonly FakeMessage[]): void {
    this.messages.push(...messages);
    this.#deliver?.();
  }

  createSender() {
    return {
      entityPath: this.#entityPath,
      _context: { config: { host: 'shop.servicebus.windows.net' } },
      sendMessages: async (messages: FakeMessage | FakeMessage[] | FakeBatch): Promise<void> => {
        const { failure } = this;
        this.failure = undefined;
        if (failure) throw failure;
        if (typeof messages !== 'object') throw new TypeError('messages are missing');
        this.add(...('tryAddMessage' in messages ? messages.messages : [messages].flat()));
      },
      scheduleMessages: async (messages: FakeMessage | FakeMessage[], time: Date): Promise<number[]> => {
        this.scheduled.push([messages, time]);
        return [messages].flat().map((_, index) => index);
      },
      createMessageBatch: async () => new FakeBatch(),
    };
  }

  createReceiver() {
    const settle =
      (name: string) =>
      async (...args: unknown[]): Promise<void> =>
        void this.settled.push([name, ...args]);
    return {
      entityPath: this.#entityPath,
      _context: { config: { host: 'shop.servicebus.windows.net' } },
      subscribe: (handlers: Handlers) => {
        if (typeof handlers.processError !== 'function') throw new TypeError('"processError" is missing');
        const inContext = AsyncLocalStorage.snapshot();
        this.#deliver = () => {
          for (const message of this.messages.splice(0))
            setImmediate(() => inContext(() => this.outcomes(() => handlers.processMessage(message))));
        };
        this.#deliver();
        return { close: async () => {} };
      },
      receiveMessages: async (count: number): Promise<FakeMessage[]> => this.messages.splice(0, count),
      completeMessage: settle('complete'),
      abandonMessage: settle('abandon'),
      deferMessage: settle('defer'),
      deadLetterMessage: settle('deadLetter'),
    };
  }
}
