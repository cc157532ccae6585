import { carrierGetter } from '@throughline/core';
import {
  type CarrierCodec,
  headersCodec,
  type MessagingOptions,
  type MessagingTarget,
} from '@throughline/core/messaging';
import { listenerMethods } from './listeners.ts';
import { createPubSub } from './redis-pub-sub.ts';
import {
  entryMessage,
  type RedisOptions,
  redisTracer,
  type StreamEntry,
  type StreamPart,
  type StreamRead,
  Streams,
  serverOf,
} from './redis-stream.ts';
import { wrapClient } from './wrap-client.ts';

export type { MessagingOptions, Relation } from '@throughline/core/messaging';
export type { RedisOptions } from './redis-stream.ts';

type Method = (...args: never[]) => unknown;

/** A client of ioredis, as far as it matters here. */
export interface IORedisClient {
  readonly xadd: Method;
  readonly xread: Method;
  readonly xreadgroup: Method;
  readonly xack: Method;
}

/** An entry of a stream as ioredis returns it: its id, and its fields as `[name, value, name, value]`. */
export type IORedisEntry = readonly [id: string, fields: readonly unknown[]];

type Fields = readonly unknown[];

/** Where ioredis puts the channel among a listener's arguments. The message is the next one. */
const MESSAGE_EVENTS: ReadonlyMap<unknown, 0 | 1> = new Map([
  ['message', 0],
  ['messageBuffer', 0],
  ['smessage', 0],
  ['smessageBuffer', 0],
  // After the pattern.
  ['pmessage', 1],
  ['pmessageBuffer', 1],
]);

/**
 * The client, with the entries of streams that it adds, reads, claims and acknowledges traced; used in its place from
 * then on.
 *
 * The context goes into fields of the entry. With `envelope`, pub/sub is traced too: `publish` and `spublish` put
 * messages into envelopes, and listeners for `message` and its like get them out of those. Not traced: pipelines,
 * transactions, the `…Buffer` forms of commands, and clients that `duplicate()` makes.
 *
 * @throws TypeError when an option has the wrong type. Nothing throws afterwards but what ioredis throws.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 * @example
 * const redis = traceClient(new Redis());
 * await redis.xadd('orders', '*', 'id', '7');
 */
export function traceClient<C extends IORedisClient>(original: C, options: RedisOptions = {}): C {
  const tracer = redisTracer(flatCodec, options, 'traceClient()');
  // The cast: ioredis has an overload for each form of a command, and we take any of them.
  const client = original as unknown as Readonly<Record<string, Method>> & {
    readonly options?: { readonly host?: unknown; readonly port?: unknown };
  };
  const server = serverOf(client.options);
  const streams = new Streams(tracer, server);
  const call = (command: string, args: readonly unknown[]) =>
    Reflect.apply(client[command] as Method, original, args as never[]);
  const reading =
    (command: string, targetOf: (args: unknown[]) => StreamRead, partsOf = partsIn) =>
    (...args: unknown[]) => {
      const target = { operationName: command, ...targetOf(args) };
      return streams.read(
        target,
        () => call(command, args),
        (reply) => partsOf(reply, target),
      );
    };

  return wrapClient(original, {
    xadd(...args: unknown[]) {
      const from = fieldsFrom(args);
      if (from === undefined) return call('xadd', args);
      const to = typeof args.at(-1) === 'function' ? args.length - 1 : args.length;
      return streams.add(args[0], args.slice(from, to).flat(), (fields) =>
        call('xadd', [...args.slice(0, from), ...fields, ...args.slice(to)]),
      );
    },
    xread: reading('xread', sourceOfRead),
    xreadgroup: reading('xreadgroup', sourceOfRead),
    xclaim: reading('xclaim', sourceOfClaim, (reply, { destination }) => [
      { stream: destination, entries: entriesIn(reply) },
    ]),
    xautoclaim: reading('xautoclaim', sourceOfClaim, (reply, { destination }) => [
      { stream: destination, entries: entriesIn((reply as unknown[])[1]) },
    ]),
    xack(...args: unknown[]) {
      const [stream, group, ...ids] = args.filter((arg) => typeof arg !== 'function').flat();
      return streams.acknowledge(stream, group, ids, () => call('xack', args));
    },
    ...(options.envelope === true && pubSubMethods()),
  });

  function pubSubMethods() {
    const pubSub = createPubSub(redisTracer(headersCodec, options, 'traceClient()'), server);
    const publishing =
      (command: string) =>
      (channel: unknown, payload: string | Uint8Array, ...rest: unknown[]) =>
        pubSub.publish(command, { channel, payload }, (sealed) => call(command, [channel, sealed, ...rest]));
    return {
      publish: publishing('publish'),
      spublish: publishing('spublish'),
      ...listenerMethods(original, (event, listener) => {
        const at = MESSAGE_EVENTS.get(event);
        if (at === undefined) return undefined;
        return function tracedListener(this: unknown, ...args: never[]) {
          const [channel, payload] = args.slice(at) as unknown[] as [unknown, string | Uint8Array];
          const pattern = at === 0 ? undefined : args[0];
          return pubSub.deliver({ channel, pattern, payload }, (opened) =>
            Reflect.apply(listener, this, [...args.slice(0, at + 1), opened] as never[]),
          );
        };
      }),
    };
  }
}

/**
 * The handler, each call of it in the span that processes its entry: for what `xread`, `xreadgroup` and the like return.
 *
 * @throws TypeError when an option has the wrong type. Nothing throws afterwards but what the handler throws.
 * @example
 * const handle = traceHandler(async ([id, fields]) => save(fields));
 * for (const [, entries] of (await redis.xread('STREAMS', 'orders', '$')) ?? [])
 *   for (const entry of entries) await handle(entry);
 */
export function traceHandler<E extends IORedisEntry, Rest extends unknown[], R>(
  handler: (entry: E, ...rest: Rest) => R,
  options: MessagingOptions = {},
): (entry: E, ...rest: Rest) => R {
  const tracer = redisTracer(flatCodec, options, 'traceHandler()');
  return function tracedHandler(entry, ...rest) {
    return tracer.process(entryMessage(described(entry)), () => handler(entry, ...rest), { received: true });
  };
}

/** Fields as `[name, value, name, value]`; a stream may hold a name twice. */
const flatCodec: CarrierCodec<Fields> = {
  keys: (fields) => carrierGetter.keys((fields ?? []) as unknown[]),
  get: (fields, name) => carrierGetter.get((fields ?? []) as unknown[], name),
  write(carrier = [], fields, replaced) {
    const gone = new Set(replaced.map((name) => name.toLowerCase()));
    const isGone = (at: number) => gone.has(String(carrier[at - (at % 2)]).toLowerCase());
    return [...carrier.filter((_, at) => !isGone(at)), ...Object.entries(fields).flat()];
  },
};

const described = (entry: IORedisEntry): StreamEntry<Fields> => ({
  origin: entry,
  id: entry[0],
  carrier: entry[1] ?? undefined,
});

const entriesIn = (entries: unknown) =>
  ((entries ?? []) as IORedisEntry[]).filter(Array.isArray).map(described);

function partsIn(reply: unknown, _target: MessagingTarget): StreamPart<Fields>[] {
  const parts = (reply ?? []) as [stream: unknown, entries: unknown][];
  return parts.map(([stream, entries]) => ({ stream, entries: entriesIn(entries) }));
}

/** The words before the id of an entry, and how many arguments go with each. */
const WORDS: ReadonlyMap<string, number> = new Map([
  ['NOMKSTREAM', 0],
  ['KEEPREF', 0],
  ['DELREF', 0],
  ['ACKED', 0],
  ['IDMPAUTO', 1],
  ['IDMP', 2],
  ['MAXLEN', 1],
  ['MINID', 1],
  ['LIMIT', 1],
]);

/** Where the fields begin among the arguments of XADD: behind the id. */
function fieldsFrom(args: readonly unknown[]): number | undefined {
  let at = 1;
  for (;;) {
    const more = WORDS.get(String(args[at]).toUpperCase());
    if (more === undefined) break;
    const modified = args[at + 1] === '~' || args[at + 1] === '=';
    at += 1 + more + (modified ? 1 : 0);
  }
  return at + 1 < args.length ? at + 1 : undefined;
}

/** `[GROUP group consumer] … STREAMS key… id…` */
function sourceOfRead(args: readonly unknown[]): StreamRead {
  const words = args
    .filter((arg) => typeof arg !== 'function')
    .flat()
    .map(String);
  const [first = '', consumerGroup, clientId] = words;
  const streams = words.findIndex((word) => word.toUpperCase() === 'STREAMS');
  const behind = words.slice(streams + 1);
  return {
    waits: words.slice(0, streams).some((word) => word.toUpperCase() === 'BLOCK'),
    ...(behind.length === 2 && { destination: behind[0] }),
    ...(first.toUpperCase() === 'GROUP' && { consumerGroup, clientId }),
  };
}

/** `key group consumer …` */
function sourceOfClaim(args: readonly unknown[]): MessagingTarget {
  const [destination, consumerGroup, clientId] = args.map(String);
  return { destination, consumerGroup, clientId };
}
