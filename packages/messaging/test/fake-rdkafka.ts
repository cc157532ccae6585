import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';

export type FakeHeaders = readonly Record<string, string | Buffer>[];

export interface FakeRdKafkaMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | string | null;
  readonly value: Buffer | null;
  readonly headers?: FakeHeaders;
}

/** Topics of one partition in memory, where what was text arrives as bytes. */
export class FakeTopics {
  readonly topics = new Map<string, FakeRdKafkaMessage[]>();
  readonly arrivals = new EventEmitter();
  failure: Error | undefined;

  append(messages: readonly FakeRdKafkaMessage[]): void {
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure;
    for (const message of messages) {
      const headers = message.headers?.map((header) =>
        Object.fromEntries(Object.entries(header).map(([name, value]) => [name, Buffer.from(value)])),
      );
      const log = this.topics.get(message.topic) ?? [];
      this.topics.set(message.topic, log);
      log.push({ ...message, ...(headers && { headers }) });
    }
    this.arrivals.emit('messages');
  }

  /** All messages that nobody has taken. */
  take(): FakeRdKafkaMessage[] {
    return [...this.topics.values()].flatMap((log) => log.splice(0));
  }
}

/** The producer of the librdkafka API: queues, and tells nothing more. */
export class FakeProducer extends EventEmitter {
  readonly opaques: unknown[] = [];
  readonly arity: number[] = [];
  readonly kafka: FakeTopics;

  constructor(kafka: FakeTopics) {
    super();
    this.kafka = kafka;
  }

  produce(...args: unknown[]): unknown {
    const [topic, partition, value, key, timestamp, opaque, headers] = args as [
      topic: string,
      partition: number | null,
      value: Buffer | null,
      key?: Buffer | string | null,
      timestamp?: number | null,
      opaque?: unknown,
      headers?: FakeHeaders | null,
    ];
    this.opaques.push(opaque);
    this.kafka.append([
      {
        topic,
        partition: partition ?? 0,
        offset: 0,
        timestamp: timestamp ?? Date.now(),
        key: key ?? null,
        value,
        ...(headers && { headers }),
      },
    ]);
    return true;
  }
}

/** The producer that calls back with the offset, or with why there is none; headers may be left out. */
export class FakeHighLevelProducer extends FakeProducer {
  override produce(...args: unknown[]): unknown {
    const callback = args.at(-1) as (error: unknown, offset?: number) => void;
    const headers = args.length === 6 ? undefined : args[5];
    try {
      super.produce(...args.slice(0, 5), undefined, headers);
      setImmediate(callback, null, 42);
    } catch (error) {
      setImmediate(callback, error);
    }
    return true;
  }

  setValueSerializer(): void {}
}

type Callback = (error: unknown, found?: FakeRdKafkaMessage | FakeRdKafkaMessage[]) => unknown;

/** The consumer of the librdkafka API. `outcomes` sees what listeners and callbacks return. */
export class FakeConsumer extends EventEmitter {
  readonly committed: unknown[] = [];
  outcomes: (result: () => unknown) => void = (result) => void result();
  readonly kafka: FakeTopics;

  constructor(kafka: FakeTopics) {
    super();
    this.kafka = kafka;
  }

  consume(...args: [] | [Callback] | [number, Callback?]): void {
    const [number] = args;
    const callback = args.at(-1);
    // As an addon does that calls back where it was called.
    const deliver = AsyncLocalStorage.bind(() => {
      const messages = this.kafka.take();
      for (const message of messages) {
        // Not `listeners`, which would give away what they wrap.
        for (const listener of this.rawListeners('data'))
          this.outcomes(() => Reflect.apply(listener, this, [message]));
        if (typeof number !== 'number' && typeof callback === 'function')
          this.outcomes(() => callback(null, message));
      }
      if (typeof number === 'number' && typeof callback === 'function')
        this.outcomes(() => callback(null, messages));
    });
    if (typeof number === 'number') this.kafka.arrivals.once('messages', () => setImmediate(deliver));
    else this.kafka.arrivals.on('messages', () => setImmediate(deliver));
  }

  commit(...args: unknown[]): this {
    this.committed.push(['commit', ...args]);
    return this;
  }

  commitSync(...args: unknown[]): this {
    this.committed.push(['commitSync', ...args]);
    return this;
  }

  commitMessage(...args: unknown[]): this {
    this.committed.push(['commitMessage', ...args]);
    return this;
  }

  commitMessageSync(...args: unknown[]): this {
    this.committed.push(['commitMessageSync', ...args]);
    return this;
  }
}
