import { reportOnce } from '@throughline/core/seam';
import { type Call, callerOf } from '../redis-commands/caller-of.ts';
import { type FlatFields, flatFieldsCodec, splitXAdd } from '../redis-commands/flat-fields.ts';
import { createPubSub } from '../redis-commands/pub-sub.ts';
import { QueuedMessages } from '../redis-commands/queued-messages.ts';
import { serverOf } from '../redis-commands/server-of.ts';
import {
  entryMessage,
  isEmpty,
  type RedisOptions,
  redisTracer,
  type StreamEntry,
  type StreamPart,
  Streams,
} from '../redis-commands/streams.ts';
import { headersCodec, type MessageHeaders } from '../verbs/carrier-codec.ts';
import type { MessagingTarget } from '../verbs/message.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { type Payload, seal } from '../wrapping/envelope.ts';
import type { Method } from '../wrapping/method.ts';
import { tracedHandler } from '../wrapping/traced-handler.ts';
import { wrapClient } from '../wrapping/wrap-client.ts';

export type { RedisOptions } from '../redis-commands/streams.ts';
export type { MessagingOptions, Relation } from '../verbs/messaging-options.ts';

/** A client of node-redis, as used here. */
export interface RedisClient {
  readonly xAdd: Method;
  readonly xRead: Method;
  readonly xReadGroup: Method;
  readonly xAck: Method;
}

/** An entry of a stream as node-redis returns it. */
export interface RedisStreamEntry {
  readonly id: unknown;
  readonly message: MessageHeaders;
}

type Listener = (message: string | Uint8Array, channel: unknown, ...rest: unknown[]) => unknown;

/**
 * Returns a client that traces the stream entries it adds, reads, claims and acknowledges; use it instead of the
 * original.
 *
 * The context goes into fields of the entry. With `envelope`, pub/sub is traced too: `publish` and `sPublish` put
 * messages into envelopes, and the listeners of `subscribe`, `pSubscribe` and `sSubscribe` receive them without.
 * Commands are traced under both names (`xAdd`, `XADD`), as are clients derived from this one: `duplicate()`,
 * `asap()`, pools. Entries added in a transaction are created when they are queued, and sent by `exec`. `XADD` by
 * `sendCommand` is traced, too. Not traced: scripts, other commands by `sendCommand`, and what `legacy()` returns.
 *
 * @throws TypeError when an option has the wrong type. Nothing throws afterwards but what node-redis throws.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 * @example
 * const redis = await traceClient(createClient()).connect();
 * await redis.xAdd('orders', '*', { id: '7' });
 */
export function traceClient<C extends RedisClient>(original: C, options: RedisOptions = {}): C {
  const tracer = redisTracer(headersCodec, options, 'traceClient()');
  const rawTracer = redisTracer(flatFieldsCodec, options, 'traceClient()');
  return traced(original);

  /** Returns a traced client. Clients derived from it are traced, too. */
  function traced<O extends object>(redis: O): O {
    const { options: connected } = redis as { readonly options?: { readonly socket?: object } };
    const server = serverOf(connected?.socket);
    const streams = new Streams(tracer, server);
    const call = callerOf(redis);
    const claiming =
      (entriesOf: (reply: unknown) => unknown): Command =>
      (args, invoke, name) => {
        const [destination, consumerGroup, clientId] = args.map(String);
        const target = { operationName: name.toLowerCase(), destination, consumerGroup, clientId };
        return streams.read(
          target,
          () => invoke(args),
          (reply) => [{ stream: destination, entries: entriesIn(entriesOf(reply)) }],
        );
      };
    const adding: Command = ([stream, id, message, ...rest], invoke) =>
      streams.add(stream, message as MessageHeaders, (fields) => invoke([stream, id, fields, ...rest]));

    return wrapClient(redis, {
      ...methodsOf(
        {
          xAdd: adding,
          xAddNoMkStream: adding,
          xRead(args, invoke) {
            const target = { operationName: 'xread', ...sourceOf(args[0]), waits: waits(args[1]) };
            return streams.read(target, () => invoke(args), partsIn);
          },
          xReadGroup(args, invoke) {
            const [group, consumer, wanted, how] = args;
            const of = { consumerGroup: String(group), clientId: String(consumer), ...sourceOf(wanted) };
            const target = { operationName: 'xreadgroup', ...of, waits: waits(how) };
            return streams.read(target, () => invoke(args), partsIn);
          },
          xClaim: claiming((reply) => reply),
          xAutoClaim: claiming((reply) => (reply as { messages: unknown }).messages),
          xAck: (args, invoke) => streams.acknowledge(args[0], args[1], [args[2]].flat(), () => invoke(args)),
          ...(options.envelope === true && pubSubCommands(server)),
        },
        call,
      ),
      sendCommand: (...args: unknown[]) =>
        addedRaw(
          args,
          (words) => call('sendCommand', words),
          (stream, fields, send) => new Streams(rawTracer, server).add(stream, fields, send),
        ),
      legacy(...args: unknown[]) {
        reportOnce('legacy() of node-redis returns a client that is not traced');
        return call('legacy', args);
      },
      MULTI: (...args: unknown[]) => tracedMulti(call('MULTI', args) as object, server),
      multi: (...args: unknown[]) => tracedMulti(call('multi', args) as object, server),
      ...Object.fromEntries(
        DERIVING.map((name) => [name, (...args: unknown[]) => derived(call(name, args.map(handingOver)))]),
      ),
    });
  }

  /** Traces a value if it is another client. */
  function derived(value: unknown): unknown {
    if (value instanceof Promise) return value.then(derived);
    return typeof (value as Partial<RedisClient> | undefined)?.xAdd === 'function'
      ? traced(value as object)
      : value;
  }

  /** Returns a function that gets a traced client instead of a client. */
  function handingOver(arg: unknown): unknown {
    return typeof arg === 'function' ? (...args: unknown[]) => arg(...args.map(derived)) : arg;
  }

  function tracedMulti(multi: object, server: MessagingTarget): object {
    const queued = new QueuedMessages(tracer, server);
    const rawQueued = new QueuedMessages(rawTracer, server);
    const call = callerOf(multi);
    const adding: Command = (args, invoke) => {
      const [stream, id, message, ...rest] = args;
      if (isEmpty(message)) return invoke(args);
      return queued.add(stream, message as MessageHeaders, (fields) => invoke([stream, id, fields, ...rest]));
    };
    const publishing: Command = ([channel, payload, ...rest], invoke) =>
      queued.add(channel, undefined, (fields) =>
        invoke([channel, seal(payload as Payload, fields), ...rest]),
      );
    const raw =
      (name: string) =>
      (...args: unknown[]) =>
        addedRaw(
          args,
          (words) => call(name, words),
          (stream, fields, send) => rawQueued.add(stream, fields, (carrier) => send(carrier ?? fields)),
        );
    return wrapClient(multi, {
      ...methodsOf(
        {
          xAdd: adding,
          xAddNoMkStream: adding,
          ...(options.envelope === true && { publish: publishing, sPublish: publishing }),
        },
        call,
      ),
      sendCommand: raw('sendCommand'),
      addCommand: raw('addCommand'),
      ...Object.fromEntries(
        EXECUTING.map((name) => [
          name,
          (...args: unknown[]) => queued.send('exec', () => rawQueued.send('exec', () => call(name, args))),
        ]),
      ),
    });
  }

  function pubSubCommands(server: MessagingTarget): Record<string, Command> {
    const pubSub = createPubSub(tracer, server);
    const publishing: Command = ([channel, payload, ...rest], invoke, name) =>
      pubSub.publish(name.toLowerCase(), { channel, payload: payload as Payload }, (sealed) =>
        invoke([channel, sealed, ...rest]),
      );
    const standIns = new WeakMap<Listener, Listener>();
    const standInOf = (listener: Listener): Listener => {
      const known = standIns.get(listener);
      if (known !== undefined) return known;
      const made: Listener = function tracedListener(this: unknown, payload, channel, ...rest) {
        return pubSub.deliver({ channel, payload }, (opened) =>
          Reflect.apply(listener, this, [opened, channel, ...rest]),
        );
      };
      standIns.set(listener, made);
      return made;
    };
    /** Subscribing, and unsubscribing by the same listener. */
    const listening: Command = ([channels, listener, ...rest], invoke) =>
      invoke([
        channels,
        typeof listener === 'function' ? standInOf(listener as Listener) : listener,
        ...rest,
      ]);
    return {
      publish: publishing,
      sPublish: publishing,
      subscribe: listening,
      unsubscribe: listening,
      pSubscribe: listening,
      pUnsubscribe: listening,
      sSubscribe: listening,
      sUnsubscribe: listening,
    };
  }
}

/** A command by its arguments, sent by `invoke`; `name` is that of the method in camel case. */
type Command = (
  args: readonly unknown[],
  invoke: (args: readonly unknown[]) => unknown,
  name: string,
) => unknown;

/** Methods that return another client or a promise of one, or call a function with one. */
const DERIVING = [
  ...['duplicate', 'createPool', 'withCommandOptions', 'withTypeMapping', 'withAbortSignal', 'asap'],
  ...['nodeClient', 'getRandomNode', 'getSlotRandomNode', 'acquire', 'use', 'execute'],
];

/** Methods that send the commands queued in a transaction or pipeline. */
const EXECUTING = ['exec', 'EXEC', 'execTyped', 'execAsPipeline', 'execAsPipelineTyped'];

/** Returns each command under both of its names: `xAddNoMkStream` and `XADD_NOMKSTREAM`. */
function methodsOf(commands: Readonly<Record<string, Command>>, call: Call): Record<string, Method> {
  const methods: Record<string, Method> = {};
  for (const [name, command] of Object.entries(commands)) {
    const upper = name === 'xAddNoMkStream' ? 'XADD_NOMKSTREAM' : name.toUpperCase();
    for (const method of [name, upper])
      methods[method] = (...args: unknown[]) => command(args, (words) => call(method, words), name);
  }
  return methods;
}

/**
 * Traces XADD among the arguments of `sendCommand`, which contain a command as one list: `['XADD', 'orders', '*',
 * 'id', '7']`.
 */
function addedRaw(
  args: readonly unknown[],
  call: (args: readonly unknown[]) => unknown,
  add: (stream: unknown, fields: FlatFields, send: (fields: FlatFields) => unknown) => unknown,
): unknown {
  const at = args.findIndex(Array.isArray);
  const [command, ...words] = (args[at] ?? []) as readonly unknown[];
  const split = String(command).toUpperCase() === 'XADD' ? splitXAdd(words) : undefined;
  if (split === undefined) return call(args);
  return add(words[0], split.fields, (fields) => call(args.with(at, [command, ...split.before, ...fields])));
}

/**
 * Returns a traced handler. Each call runs in the span that processes its entry. Use it for what `xRead`,
 * `xReadGroup` and the like return.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the handler itself throws.
 * @example
 * const handle = traceHandler(async ({ message }) => save(message));
 * for (const { messages } of (await redis.xRead({ key: 'orders', id: '$' })) ?? [])
 *   for (const entry of messages) await handle(entry);
 */
export function traceHandler<E extends RedisStreamEntry, Rest extends unknown[], R>(
  handler: (entry: E, ...rest: Rest) => R,
  options: MessagingOptions = {},
): (entry: E, ...rest: Rest) => R {
  const tracer = redisTracer(headersCodec, options, 'traceHandler()');
  return tracedHandler(handler, (entry, call) =>
    tracer.process(entryMessage(described(entry)), () => call(entry), { received: true }),
  );
}

const described = (entry: RedisStreamEntry): StreamEntry<MessageHeaders> => ({
  origin: entry,
  id: entry.id,
  carrier: entry.message ?? undefined,
});

/** Redis returns `null` for an entry that was deleted while it was pending. */
const entriesIn = (entries: unknown) =>
  ((entries ?? []) as (RedisStreamEntry | null)[]).filter((entry) => entry !== null).map(described);

function partsIn(reply: unknown): StreamPart<MessageHeaders>[] {
  const parts = (reply ?? []) as { name: unknown; messages: unknown }[];
  return parts.map(({ name, messages }) => ({ stream: name, entries: entriesIn(messages) }));
}

/** Reads `{ key, id }`, or a list of these. */
function sourceOf(wanted: unknown): MessagingTarget {
  const [only, ...others] = [wanted].flat() as { readonly key: unknown }[];
  return only === undefined || others.length > 0 ? {} : { destination: String(only.key) };
}

const waits = (options: unknown) => (options as { BLOCK?: unknown } | undefined)?.BLOCK !== undefined;
