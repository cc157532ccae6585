import { AsyncLocalStorage } from 'node:async_hooks';

/** Headers as the client has them: names in the letter case that they were set in. */
export class FakeHeaders {
  readonly #values = new Map<string, string[]>();

  keys(): string[] {
    return [...this.#values.keys()];
  }

  values(name: string): string[] {
    return this.#values.get(name) ?? [];
  }

  append(name: string, value: string): void {
    if (/[\r\n]/.test(value)) throw new TypeError('invalid header value');
    this.#values.set(name, [...this.values(name), value]);
  }

  record(): Record<string, string[]> {
    return Object.fromEntries(this.#values);
  }
}

export const headers = () => new FakeHeaders();

export interface FakeOptions {
  readonly headers?: FakeHeaders;
  readonly reply?: string;
  readonly msgID?: string;
}

/** A message of either kind; it answers through the connection that delivered it, past all wrappers. */
export class FakeMessage {
  readonly subject: string;
  readonly data: string;
  readonly headers: FakeHeaders | undefined;
  readonly reply: string | undefined;
  readonly settled: unknown[][] = [];
  readonly #answer: (data: string, options?: FakeOptions) => void;

  constructor(
    subject: string,
    data: string,
    options: FakeOptions = {},
    answer: (data: string, options?: FakeOptions) => void = () => {},
  ) {
    this.subject = subject;
    this.data = data;
    this.headers = options.headers;
    this.reply = options.reply;
    this.#answer = answer;
  }

  respond(data = '', options?: FakeOptions): boolean {
    if (this.reply === undefined) return false;
    this.#answer(data, options);
    return true;
  }
}

export class FakeJsMessage extends FakeMessage {
  readonly info: { consumer: string; timestampNanos: number };

  constructor(subject: string, data: string, options: FakeOptions = {}, timestamp = Date.now()) {
    super(subject, data, options);
    this.info = { consumer: 'mailer', timestampNanos: timestamp * 1e6 };
  }

  ack(...args: unknown[]): void {
    this.settled.push(['ack', ...args]);
  }

  nak(...args: unknown[]): void {
    this.settled.push(['nak', ...args]);
  }

  term(...args: unknown[]): void {
    this.settled.push(['term', ...args]);
  }

  async ackAck(...args: unknown[]): Promise<boolean> {
    this.settled.push(['ackAck', ...args]);
    return true;
  }
}

type Callback = (error: Error | null, message: FakeMessage) => unknown;

/** A connection over subjects in memory. Callbacks run later, in the context of whoever subscribed. */
export class FakeConnection {
  readonly options = { inboxPrefix: '_INBOX' };
  readonly published: FakeMessage[] = [];
  readonly given: unknown[] = [];
  server = '127.0.0.1:4222';
  failure: Error | undefined;
  outcomes: (result: () => unknown) => void = (result) => void result();
  readonly #subscriptions = new Map<string, (error: Error | null, message: FakeMessage) => void>();

  getServer(): string {
    return this.server;
  }

  publish(subject: string, data = '', options?: FakeOptions): void {
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure;
    this.given.push(options);
    this.deliver(new FakeMessage(subject, data, options));
  }

  publishMessage({ subject, data, headers }: FakeMessage): void {
    this.publish(subject, data, headers && { headers });
  }

  respondMessage({ reply, data, headers }: FakeMessage): boolean {
    if (reply === undefined) return false;
    this.publish(reply, data, headers && { headers });
    return true;
  }

  request(subject: string, data = '', options?: FakeOptions): Promise<FakeMessage> {
    this.given.push(options);
    return new Promise((resolve, reject) => {
      const answer = (answered: string, how?: FakeOptions) =>
        resolve(new FakeMessage('_INBOX.1', answered, how));
      if (!this.#subscriptions.has(subject)) reject(new RangeError('no responders'));
      else this.deliver(new FakeMessage(subject, data, { ...options, reply: '_INBOX.1' }, answer));
    });
  }

  async requestMany(subject: string, data = '', options?: FakeOptions): Promise<FakeMessage[]> {
    return [await this.request(subject, data, options)];
  }

  subscribe(subject: string, { callback }: { queue?: string; callback?: Callback } = {}): string {
    if (callback) {
      const inContext = AsyncLocalStorage.snapshot();
      this.#subscriptions.set(subject, (error, message) =>
        setImmediate(() => inContext(() => this.outcomes(() => callback(error, message)))),
      );
    }
    return `subscription to ${subject}`;
  }

  /** To the subscription of that subject, or of all. */
  deliver(message: FakeMessage, error: Error | null = null): void {
    const subscription = this.#subscriptions.get(message.subject) ?? this.#subscriptions.get('>');
    if (subscription) subscription(error, message);
    else this.published.push(message);
  }
}

/** A stream in memory with one consumer; publishes by requests of a connection, as JetStream does. */
export class FakeJetStream {
  readonly connection: Pick<FakeConnection, 'request'>;
  constructor(connection: Pick<FakeConnection, 'request'>) {
    this.connection = connection;
  }

  async publish(subject: string, data = '', options: FakeOptions = {}): Promise<{ seq: number }> {
    const sent = options.headers ?? headers();
    if (options.msgID) sent.append('Nats-Msg-Id', options.msgID);
    await this.connection.request('$JS.API.INFO');
    await this.connection.request(subject, data, { headers: sent });
    return { seq: 1 };
  }
}

export class FakeConsumer {
  readonly waiting: FakeJsMessage[] = [];
  outcomes: (result: () => unknown) => void = (result) => void result();
  #callback: ((message: FakeJsMessage) => void) | undefined;

  async consume({ callback }: { callback?: (message: FakeJsMessage) => unknown; max?: number } = {}) {
    if (callback) {
      const inContext = AsyncLocalStorage.snapshot();
      this.#callback = (message) =>
        setImmediate(() => inContext(() => this.outcomes(() => callback(message))));
      this.waiting.splice(0).forEach(this.#callback);
    }
    return this.waiting;
  }

  async next(): Promise<FakeJsMessage | null> {
    return this.waiting.shift() ?? null;
  }

  deliver(message: FakeJsMessage): void {
    if (this.#callback) this.#callback(message);
    else this.waiting.push(message);
  }
}
