import { EventEmitter } from 'node:events';

type Entry = [id: string, fields: string[]];

/** The streams and channels behind both clients. */
export class FakeRedisServer extends EventEmitter {
  readonly streams = new Map<string, Entry[]>();
  failure: Error | undefined;
  #last = 0;

  add(stream: string, fields: string[], at = Date.now()): string {
    if (this.failure) throw this.failure;
    const entries = this.streams.get(stream) ?? [];
    const id = `${at}-${++this.#last}`;
    this.streams.set(stream, [...entries, [id, fields]]);
    return id;
  }

  /** Takes all entries there are. */
  read(stream: string): Entry[] {
    const entries = this.streams.get(stream) ?? [];
    this.streams.delete(stream);
    return entries;
  }
}

/** A client with the forms of ioredis 6. */
export class FakeIORedis extends EventEmitter {
  readonly options = { host: '127.0.0.1', port: 6379 };
  readonly calls: unknown[][] = [];
  readonly #server: FakeRedisServer;

  constructor(server = new FakeRedisServer()) {
    super();
    this.#server = server;
    server.on('published', (channel: string, message: string | Buffer) => {
      this.emit('message', channel, String(message));
      this.emit('messageBuffer', Buffer.from(channel), Buffer.from(message));
      this.emit('pmessage', `${channel.slice(0, 2)}*`, channel, String(message));
    });
  }
  duplicate() {
    return new FakeIORedis(this.#server);
  }
  async xadd(...args: unknown[]): Promise<string | null> {
    this.calls.push(args);
    const callback = args.at(-1);
    const words = args.filter((arg) => typeof arg !== 'function').map(String);
    const id = this.#server.add(words[0] as string, words.slice(words.lastIndexOf('*') + 1));
    if (typeof callback === 'function') callback(null, id);
    return id;
  }
  async xread(...args: unknown[]): Promise<[string, Entry[]][] | null> {
    const words = args.map(String);
    const behind = words.slice(words.indexOf('STREAMS') + 1);
    const parts = behind
      .slice(0, behind.length / 2)
      .map((stream): [string, Entry[]] => [stream, this.#server.read(stream)]);
    return parts.every(([, entries]) => entries.length === 0) ? null : parts;
  }
  async xreadgroup(...args: unknown[]) {
    return this.xread(...args);
  }
  async xautoclaim(...args: unknown[]): Promise<unknown> {
    return ['0-0', this.#server.read(String(args[0])), []];
  }
  async xclaim(...args: unknown[]): Promise<unknown> {
    return this.#server.read(String(args[0]));
  }
  async xack(..._args: unknown[]): Promise<number> {
    return 1;
  }
  async publish(channel: string, message: string | Buffer): Promise<number> {
    this.calls.push([channel, message]);
    this.#server.emit('published', channel, message);
    return 1;
  }
  async spublish(channel: string, message: string | Buffer): Promise<number> {
    return this.publish(channel, message);
  }
}

type Listener = (message: string, channel: string) => unknown;

/** A client with the forms of node-redis 6. */
export class FakeNodeRedis {
  readonly options = { socket: { host: '127.0.0.1', port: 6379 } };
  readonly calls: unknown[][] = [];
  readonly listeners = new Set<Listener>();
  readonly #server: FakeRedisServer;

  constructor(server = new FakeRedisServer()) {
    this.#server = server;
    server.on('published', (channel: string, message: string) => {
      for (const listener of this.listeners) listener(message, channel);
    });
  }
  async connect() {
    return this;
  }
  duplicate() {
    return new FakeNodeRedis(this.#server);
  }
  async xAdd(stream: string, _id: string, message: Record<string, string>, ...more: unknown[]) {
    this.calls.push([message, ...more]);
    return this.#server.add(stream, Object.entries(message).flat());
  }
  async xAddNoMkStream(stream: string, id: string, message: Record<string, string>) {
    return this.xAdd(stream, id, message);
  }
  async xRead(wanted: { key: string; id: string } | { key: string; id: string }[]) {
    const parts = [wanted]
      .flat()
      .map(({ key }) => ({ name: key, messages: this.#server.read(key).map(entryOf) }));
    return parts.every(({ messages }) => messages.length === 0) ? null : parts;
  }
  async xReadGroup(
    _group: string,
    _consumer: string,
    wanted: { key: string; id: string },
    _options?: { readonly BLOCK?: number },
  ) {
    return this.xRead(wanted);
  }
  async xAutoClaim(stream: string, ..._args: unknown[]) {
    return { nextId: '0-0', messages: [...this.#server.read(stream).map(entryOf), null] };
  }
  async xClaim(stream: string, ..._args: unknown[]) {
    return this.#server.read(stream).map(entryOf);
  }
  async xAck(..._args: unknown[]) {
    return 1;
  }
  async publish(channel: string, message: string) {
    this.#server.emit('published', channel, message);
    return 1;
  }
  async sPublish(channel: string, message: string) {
    return this.publish(channel, message);
  }
  async subscribe(_channels: string, listener: Listener) {
    this.listeners.add(listener);
  }
  async unsubscribe(_channels: string, listener: Listener) {
    this.listeners.delete(listener);
  }
}

function entryOf([id, fields]: Entry) {
  const message: Record<string, string> = {};
  for (let at = 0; at < fields.length; at += 2) message[fields[at] as string] = fields[at + 1] as string;
  return { id, message };
}
