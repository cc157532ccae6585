import { createRequire } from 'node:module';

/** The part of Confluent's client that the tests call; its types come with it, and it is not installed everywhere. */
interface Confluent {
  readonly KafkaJS: { readonly Kafka: new (config: object) => ConfluentKafka };
  readonly HighLevelProducer: new (config: object) => HighLevelProducer;
  readonly KafkaConsumer: new (config: object, topicConfig: object) => ConsumerEvents;
}

interface ConfluentKafka {
  producer(config?: object): ConfluentProducer;
  consumer(config: object): ConfluentConsumer;
  admin(): ConfluentAdmin;
}

interface Connecting {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
}

interface Sent {
  readonly topic: string;
  readonly messages: readonly { readonly value: string; readonly headers?: Record<string, string> }[];
}

interface ConfluentProducer extends Connecting {
  send(record: Sent): Promise<unknown>;
  sendBatch(batch: { readonly topicMessages: readonly Sent[] }): Promise<unknown>;
}

interface ConfluentConsumer extends Connecting {
  subscribe(to: { readonly topic: string }): Promise<void>;
  run(config: {
    readonly eachMessage: (payload: { readonly message: { readonly value: Buffer } }) => Promise<void>;
  }): Promise<void>;
  commitOffsets(): Promise<void>;
}

interface ConfluentAdmin extends Connecting {
  createTopics(options: object): Promise<boolean>;
}

interface Events {
  connect(options: object, done: (error: unknown) => void): unknown;
  disconnect(done: () => void): unknown;
  on(event: string, listener: (...args: never[]) => unknown): unknown;
}

/** Calls back when the message is delivered. */
interface HighLevelProducer extends Events {
  produce(...args: unknown[]): unknown;
  setPollInterval(milliseconds: number): unknown;
}

interface ConsumerEvents extends Events {
  subscribe(topics: readonly string[]): unknown;
  consume(): void;
  commitMessage(message: object): unknown;
  seek(place: object, timeout: number, done: (error: unknown) => void): unknown;
}

/** Where {@link loadConfluent} finds the client, which `build-confluent.sh` builds and prints. */
export function missingConfluent(): string | undefined {
  return process.env.TL_CONFLUENT ? undefined : 'TL_CONFLUENT is not set, see build-confluent.sh';
}

export function loadConfluent(): Confluent {
  return createRequire(import.meta.url)(process.env.TL_CONFLUENT ?? '') as Confluent;
}
