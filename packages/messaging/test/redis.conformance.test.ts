import { AsyncLocalStorage } from 'node:async_hooks';
import * as ioredis from '@throughline/messaging/ioredis';
import * as nodeRedis from '@throughline/messaging/redis';
import type {
  MessageToSend,
  MessagingClientUnderTest,
  MessagingTraceOptions,
  WrappedClient,
} from '@throughline/testing';
import { open, seal } from '../src/wrapping/envelope.ts';
import { conform } from './conformance.ts';
import { FakeIORedis, FakeNodeRedis, FakeRedisServer } from './fake-redis.ts';

const STREAM = 'orders';

const ONE_BY_ONE = {
  sendBatch: { reason: 'Redis adds one by one' },
  consumeBatch: { reason: 'a read has no handler' },
} as const;
const fieldsOf = ({ body, metadata = {} }: MessageToSend): string[] => [
  'body',
  body,
  ...Object.entries(metadata).flatMap(([name, values]) => [values].flat().flatMap((value) => [name, value])),
];

const bodyIn = (fields: readonly unknown[]) => String(fields[fields.indexOf('body') + 1]);

/** Where nothing is active, whoever sends or subscribes. */
const outside = AsyncLocalStorage.snapshot();

const waysOfIORedis = (client: FakeIORedis) => ({
  'on()': () => client.on('ready', () => {}),
  'duplicate()': () => client.duplicate(),
});

const waysOfNodeRedis = (client: FakeNodeRedis) => ({
  'connect()': () => client.connect(),
  'duplicate()': () => client.duplicate(),
});

type Handler = Parameters<MessagingClientUnderTest['consume']>[0];
type Outcome = Parameters<MessagingClientUnderTest['consume']>[1];

async function tell(call: () => unknown, outcome: Outcome = () => {}): Promise<void> {
  try {
    outcome({ value: await call() });
  } catch (error) {
    outcome({ error });
  }
}

/** The kit knows of no reads. */
function withoutReads(options: MessagingTraceOptions): MessagingTraceOptions {
  const { ignore } = options;
  if (ignore !== undefined && typeof ignore !== 'function') return options;
  return { ...options, ignore: (operation) => operation.type === 'receive' || ignore?.(operation) === true };
}

/** An application that adds to a stream, and works through what it reads. */
function streamUnderTest<E>(
  server: FakeRedisServer,
  client: {
    add(message: MessageToSend, passed?: (objects: unknown) => void): Promise<unknown>;
    read(): Promise<readonly E[]>;
    handling(handler: Handler): (entry: E) => unknown;
    readonly wrapped: WrappedClient;
  },
): MessagingClientUnderTest {
  let work = async () => {};
  return {
    wrapped: client.wrapped,
    async send(message, passed) {
      const id = await client.add(message, passed);
      await outside(work);
      return id;
    },
    async consume(handler, outcome) {
      const handle = client.handling(handler);
      work = async () => {
        for (const entry of await client.read()) void tell(() => handle(entry), outcome);
      };
    },
    async plant(messages) {
      for (const message of messages) server.add(STREAM, fieldsOf(message), message.timestamp);
      await outside(work);
    },
    async take() {
      const [entry] = server.read(STREAM);
      if (entry === undefined) throw new Error('nothing was added');
      const [, fields] = entry;
      const metadata: Record<string, string[]> = {};
      for (let at = 0; at < fields.length; at += 2) {
        const name = fields[at] as string;
        if (name !== 'body') metadata[name] = [...(metadata[name] ?? []), fields[at + 1] as string];
      }
      return { body: bodyIn(fields), metadata };
    },
    failNextSend(error) {
      server.failure = error;
    },
  };
}

const streams = {
  system: 'redis',
  names: { send: 'xadd orders', process: 'process orders', settle: 'xack orders' },
};
const COUNTED_BY_READS = {
  'counts the messages consumed and measures their handlers, by the conventions':
    'reads count what they return; redis.test.ts has that',
};

conform(
  {
    ...streams,
    name: 'ioredis streams',
    capabilities: ONE_BY_ONE,
    connect(options) {
      const server = new FakeRedisServer();
      const traceOptions = withoutReads(options);
      const client = ioredis.traceClient(new FakeIORedis(server), traceOptions);
      return streamUnderTest<[string, string[]]>(server, {
        async add(message, passed) {
          const fields = fieldsOf(message);
          passed?.(fields);
          return client.xadd(STREAM, '*', ...fields);
        },
        wrapped: { client, method: 'xadd', handsBack: waysOfIORedis(client) },
        read: async () =>
          (await client.xreadgroup('GROUP', 'mailer', 'c1', 'STREAMS', STREAM, '>'))?.[0]?.[1] ?? [],
        handling: (handler) =>
          ioredis.traceHandler(
            ([id, fields]: [string, string[]]) =>
              handler({ body: bodyIn(fields), settle: () => client.xack(STREAM, 'mailer', id) }),
            traceOptions,
          ),
      });
    },
  },
  COUNTED_BY_READS,
);

conform(
  {
    ...streams,
    name: 'node-redis streams',
    capabilities: { ...ONE_BY_ONE, duplicates: { reason: 'node-redis has a record for the fields' } },
    connect(options) {
      const server = new FakeRedisServer();
      const traceOptions = withoutReads(options);
      const client = nodeRedis.traceClient(new FakeNodeRedis(server), traceOptions);
      return streamUnderTest<{ id: string; message: Record<string, string> }>(server, {
        async add({ body, metadata }, passed) {
          const fields = { body, ...(metadata as Record<string, string>) };
          passed?.(fields);
          return client.xAdd(STREAM, '*', fields);
        },
        wrapped: { client, method: 'xAdd', handsBack: waysOfNodeRedis(client) },
        read: async () =>
          (await client.xReadGroup('mailer', 'c1', { key: STREAM, id: '>' }))?.[0]?.messages ?? [],
        handling: (handler) =>
          nodeRedis.traceHandler(
            ({ id, message }: { id: string; message: Record<string, string> }) =>
              handler({ body: String(message.body), settle: () => client.xAck(STREAM, 'mailer', id) }),
            traceOptions,
          ),
      });
    },
  },
  COUNTED_BY_READS,
);

const NO_METADATA = 'a message of pub/sub has no metadata that the application could set';
const pubSub = {
  system: 'redis',
  names: { send: 'publish orders', process: 'process orders' },
  capabilities: {
    ...ONE_BY_ONE,
    settle: { reason: 'pub/sub delivers once' },
    failSend: { reason: 'redis.test.ts has that' },
    outcome: { reason: 'nobody looks at what a listener returns' },
    timestamps: { reason: 'a message of pub/sub has no timestamp' },
  },
};
const WITHOUT_METADATA = {
  'keeps a creation context that the message holds already, and links the send to it': NO_METADATA,
  'replaces fields that are no context and that the sender left in the metadata': NO_METADATA,
  'keeps the baggage of a message that is sent, whose entries win over those of the context': NO_METADATA,
  'replaces them in any letter case': NO_METADATA,
  "sends the application's own metadata and body as they are, beside the context": NO_METADATA,
  'sends nothing of its own when no SDK is registered': NO_METADATA,
  'leaves a traceparent that the sender set alone when no SDK is registered': NO_METADATA,
};

function pubSubUnderTest(
  server: FakeRedisServer,
  publish: (body: string) => Promise<unknown>,
  subscribe: (listener: (body: string) => unknown) => Promise<unknown>,
  wrapped: WrappedClient,
): MessagingClientUnderTest {
  const sent: string[] = [];
  const early: string[] = [];
  let subscribed = false;
  server.on('published', (_channel, message: string) => sent.push(message));
  const deliver = (message: string) => outside(() => server.emit('published', STREAM, message));
  return {
    wrapped,
    send({ body }, passed) {
      passed?.({ body });
      return publish(body);
    },
    async consume(handler) {
      await subscribe((body) => handler({ body }));
      subscribed = true;
      for (const message of early.splice(0)) deliver(message);
    },
    async plant(messages) {
      for (const { body, metadata } of messages) {
        const message = seal(body, metadata ?? {});
        if (subscribed) deliver(message);
        else early.push(message);
      }
    },
    async take() {
      const { fields = {}, payload } = open(sent.shift() ?? '');
      const metadata = Object.entries(fields).map(([name, value]) => [name, [value].flat().map(String)]);
      return { body: payload, metadata: Object.fromEntries(metadata) };
    },
  };
}

conform(
  {
    ...pubSub,
    name: 'ioredis pub/sub',
    connect(options) {
      const server = new FakeRedisServer();
      const client = ioredis.traceClient(new FakeIORedis(server), { ...options, envelope: true });
      return pubSubUnderTest(
        server,
        (body) => client.publish(STREAM, body),
        async (listener) => client.on('message', (_channel, message) => listener(message)),
        { client, method: 'publish', handsBack: waysOfIORedis(client) },
      );
    },
  },
  WITHOUT_METADATA,
);

conform(
  {
    ...pubSub,
    name: 'node-redis pub/sub',
    connect(options) {
      const server = new FakeRedisServer();
      const client = nodeRedis.traceClient(new FakeNodeRedis(server), { ...options, envelope: true });
      return pubSubUnderTest(
        server,
        (body) => client.publish(STREAM, body),
        (listener) => client.subscribe(STREAM, listener),
        { client, method: 'publish', handsBack: waysOfNodeRedis(client) },
      );
    },
  },
  WITHOUT_METADATA,
);
