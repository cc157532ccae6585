import { AsyncLocalStorage } from 'node:async_hooks';

type Bytes = Buffer | string;
type Headers = Record<string, Bytes | Bytes[] | undefined>;

/** A message as it is given to `send`. */
export interface FakeRecord {
  readonly key?: Bytes | null;
  readonly value: Bytes | null;
  readonly partition?: number;
  readonly headers?: Headers;
  readonly timestamp?: string;
}

export interface FakeKafkaMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestamp: string;
  readonly offset: string;
  readonly headers: Headers;
}

interface Payload {
  readonly topic: string;
  readonly partition: number;
  readonly message: FakeKafkaMessage;
}

interface Batch {
  readonly batch: {
    readonly topic: string;
    readonly partition: number;
    readonly messages: FakeKafkaMessage[];
  };
}

interface RunConfig {
  readonly autoCommit?: boolean;
  readonly eachMessage?: (payload: Payload) => Promise<void>;
  readonly eachBatch?: (payload: Batch) => Promise<void>;
}

interface Topic {
  readonly topic: string;
  readonly messages: FakeRecord[];
}

/**
 * kafkajs over one partition per topic in memory: what was strings arrives as bytes, and handlers are called later, in
 * the context of whoever called `run`.
 */
export class FakeKafka {
  readonly topics = new Map<string, FakeKafkaMessage[]>();
  readonly acks: unknown[] = [];
  readonly committed: unknown[] = [];
  readonly configs: RunConfig[] = [];
  outcomes: (result: () => unknown) => void = (result) => void result();
  failure: Error | undefined;
  #deliver: ((topic: string, messages: FakeKafkaMessage[]) => void) | undefined;

  producer() {
    const sender = {
      send: async ({ acks, topic, messages }: Topic & { acks?: number }) => {
        this.acks.push(acks);
        return this.append(topic, messages);
      },
      sendBatch: async ({ acks, topicMessages }: { acks?: number; topicMessages: Topic[] }) => {
        this.acks.push(acks);
        for (const { topic, messages } of topicMessages) this.append(topic, messages);
        return [];
      },
    };
    return {
      ...sender,
      ...listenable({ clientId: 'checkout' }),
      transaction: async () => ({ ...sender, commit: async () => 'committed' }),
    };
  }

  consumer({ groupId }: { groupId: string }) {
    return {
      ...listenable({ clientId: 'mailer', groupId }),
      run: async (config: RunConfig = {}) => {
        const inContext = AsyncLocalStorage.snapshot();
        this.configs.push(config);
        this.#deliver = (topic, messages) =>
          setImmediate(() =>
            inContext(() => {
              const { eachMessage, eachBatch } = config;
              if (eachBatch) this.outcomes(() => eachBatch({ batch: { topic, partition: 0, messages } }));
              else
                for (const message of messages)
                  this.outcomes(() => eachMessage?.({ topic, partition: 0, message }));
            }),
          );
        for (const [topic, messages] of this.topics) this.#deliver(topic, messages.splice(0));
      },
      commitOffsets: async (offsets: { topic: string; partition: number; offset: string }[]) => {
        this.committed.push(offsets);
      },
    };
  }

  append(topic: string, records: readonly FakeRecord[]) {
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure;
    const messages = records.map(
      ({ key = null, value, headers = {}, timestamp = '1700000000000' }, offset): FakeKafkaMessage => ({
        key: key === null ? null : Buffer.from(key),
        value: value === null ? null : Buffer.from(value),
        timestamp,
        offset: `${offset}`,
        headers: Object.fromEntries(
          Object.entries(headers).map(([name, values]) => [name, bytesOf(values)] as const),
        ),
      }),
    );
    if (this.#deliver) this.#deliver(topic, messages);
    else this.topics.set(topic, [...(this.topics.get(topic) ?? []), ...messages]);
    return [{ topicName: topic, partition: 0, errorCode: 0 }];
  }
}

function bytesOf(values: Headers[string]): Buffer | Buffer[] {
  return Array.isArray(values) ? values.map((value) => Buffer.from(value)) : Buffer.from(values ?? '');
}

/** Emits the events that tell who the client is when it connects. */
function listenable(payload: { clientId: string; groupId?: string }) {
  const listeners = new Set<() => void>();
  return {
    events: { REQUEST: 'network.request', GROUP_JOIN: 'consumer.group_join' },
    on(_event: string, listener: (event: { payload: { clientId: string; groupId?: string } }) => void) {
      const notify = () => listener({ payload });
      listeners.add(notify);
      return () => listeners.delete(notify);
    },
    async connect() {
      for (const notify of listeners) notify();
    },
  };
}
