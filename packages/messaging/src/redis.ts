import {
  headersCodec,
  type MessageHeaders,
  type MessagingOptions,
  type MessagingTarget,
} from '@throughline/core/messaging';
import { createPubSub } from './redis-pub-sub.ts';
import {
  entryMessage,
  type RedisOptions,
  redisTracer,
  type StreamEntry,
  type StreamPart,
  Streams,
  serverOf,
} from './redis-stream.ts';
import { wrapClient } from './wrap-client.ts';

export type { MessagingOptions, Relation } from '@throughline/core/messaging';
export type { RedisOptions } from './redis-stream.ts';

type Method = (...args: never[]) => unknown;

/** A client of node-redis, as far as it matters here. */
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
 * The client, with the entries of streams that it adds, reads, claims and acknowledges traced; used in its place from
 * then on.
 *
 * The context goes into fields of the entry. With `envelope`, pub/sub is traced too: `publish` and `sPublish` put
 * messages into envelopes, and the listeners of `subscribe`, `pSubscribe` and `sSubscribe` get them out of those. Not
 * traced: transactions (`multi()`), the upper-case forms of commands, and clients that `duplicate()` makes.
 *
 * @throws TypeError when an option has the wrong type. Nothing throws afterwards but what node-redis throws.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 * @example
 * const redis = traceClient(await createClient().connect());
 * await redis.xAdd('orders', '*', { id: '7' });
 */
export function traceClient<C extends RedisClient>(original: C, options: RedisOptions = {}): C {
  // The cast: node-redis makes the types of its commands from its modules, and we take any of them.
  const client = original as unknown as Readonly<Record<string, Method>> & {
    readonly options?: { readonly socket?: { readonly host?: unknown; readonly port?: unknown } };
  };
  const tracer = redisTracer(headersCodec, options, 'traceClient()');
  const server = serverOf(client.options?.socket);
  const streams = new Streams(tracer, server);
  const call = (command: string, args: readonly unknown[]) =>
    Reflect.apply(client[command] as Method, original, args as never[]);
  const adding =
    (command: string) =>
    (stream: unknown, id: unknown, message: MessageHeaders, ...rest: unknown[]) =>
      streams.add(stream, message, (fields) => call(command, [stream, id, fields, ...rest]));
  const claiming =
    (command: string, entriesOf: (reply: unknown) => unknown) =>
    (...args: unknown[]) => {
      const [destination, consumerGroup, clientId] = args.map(String);
      const target = { operationName: command.toLowerCase(), destination, consumerGroup, clientId };
      return streams.read(
        target,
        () => call(command, args),
        (reply) => [{ stream: destination, entries: entriesIn(entriesOf(reply)) }],
      );
    };

  return wrapClient(original, {
    xAdd: adding('xAdd'),
    xAddNoMkStream: adding('xAddNoMkStream'),
    xRead(wanted: unknown, ...rest: unknown[]) {
      const target = { operationName: 'xread', ...sourceOf(wanted), waits: waits(rest[0]) };
      return streams.read(target, () => call('xRead', [wanted, ...rest]), partsIn);
    },
    xReadGroup(group: unknown, consumer: unknown, wanted: unknown, ...rest: unknown[]) {
      const of = { consumerGroup: String(group), clientId: String(consumer), ...sourceOf(wanted) };
      const target = { operationName: 'xreadgroup', ...of, waits: waits(rest[0]) };
      return streams.read(target, () => call('xReadGroup', [group, consumer, wanted, ...rest]), partsIn);
    },
    xClaim: claiming('xClaim', (reply) => reply),
    xAutoClaim: claiming('xAutoClaim', (reply) => (reply as { messages: unknown }).messages),
    xAck: (stream: unknown, group: unknown, ids: unknown, ...rest: unknown[]) =>
      streams.acknowledge(stream, group, [ids].flat(), () => call('xAck', [stream, group, ids, ...rest])),
    ...(options.envelope === true && pubSubMethods()),
  });

  function pubSubMethods() {
    const pubSub = createPubSub(tracer, server);
    const publishing =
      (command: string) =>
      (channel: unknown, payload: string | Uint8Array, ...rest: unknown[]) =>
        pubSub.publish(command.toLowerCase(), { channel, payload }, (sealed) =>
          call(command, [channel, sealed, ...rest]),
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
    const listening =
      (command: string) =>
      (channels: unknown, listener: unknown, ...rest: unknown[]) => {
        const standIn = typeof listener === 'function' ? standInOf(listener as Listener) : listener;
        return call(command, [channels, standIn, ...rest]);
      };
    return {
      publish: publishing('publish'),
      sPublish: publishing('sPublish'),
      subscribe: listening('subscribe'),
      unsubscribe: listening('unsubscribe'),
      pSubscribe: listening('pSubscribe'),
      pUnsubscribe: listening('pUnsubscribe'),
      sSubscribe: listening('sSubscribe'),
      sUnsubscribe: listening('sUnsubscribe'),
    };
  }
}

/**
 * The handler, each call of it in the span that processes its entry: for what `xRead`, `xReadGroup` and the like return.
 *
 * @throws TypeError when an option has the wrong type. Nothing throws afterwards but what the handler throws.
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
  return function tracedHandler(entry, ...rest) {
    return tracer.process(entryMessage(described(entry)), () => handler(entry, ...rest), { received: true });
  };
}

const described = (entry: RedisStreamEntry): StreamEntry<MessageHeaders> => ({
  origin: entry,
  id: entry.id,
  carrier: entry.message ?? undefined,
});

/** Redis has `null` for an entry that was deleted while it was pending. */
const entriesIn = (entries: unknown) =>
  ((entries ?? []) as (RedisStreamEntry | null)[]).filter((entry) => entry !== null).map(described);

function partsIn(reply: unknown): StreamPart<MessageHeaders>[] {
  const parts = (reply ?? []) as { name: unknown; messages: unknown }[];
  return parts.map(({ name, messages }) => ({ stream: name, entries: entriesIn(messages) }));
}

/** `{ key, id }`, or a list of such. */
function sourceOf(wanted: unknown): MessagingTarget {
  const [only, ...others] = [wanted].flat() as { readonly key: unknown }[];
  return only === undefined || others.length > 0 ? {} : { destination: String(only.key) };
}

const waits = (options: unknown) => (options as { BLOCK?: unknown } | undefined)?.BLOCK !== undefined;
