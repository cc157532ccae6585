import { reportOnce } from '@throughline/core/seam';
import { type Call, callerOf } from '../redis-commands/caller-of.ts';
import { type FlatFields, flatFieldsCodec, splitXAdd } from '../redis-commands/flat-fields.ts';
import { createPubSub, type PubSub } from '../redis-commands/pub-sub.ts';
import { QueuedMessages } from '../redis-commands/queued-messages.ts';
import { type ServerOptions, serverOf } from '../redis-commands/server-of.ts';
import {
  entryMessage,
  type RedisOptions,
  redisTracer,
  type StreamEntry,
  type StreamPart,
  type StreamRead,
  Streams,
} from '../redis-commands/streams.ts';
import { headersCodec, type MessageHeaders } from '../verbs/carrier-codec.ts';
import type { MessagingTarget } from '../verbs/message.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { type Payload, seal } from '../wrapping/envelope.ts';
import { listenerMethods } from '../wrapping/listeners.ts';
import type { Method } from '../wrapping/method.ts';
import { peerOf, type SocketLike } from '../wrapping/peer-of.ts';
import { tracedHandler } from '../wrapping/traced-handler.ts';
import { wrapClient } from '../wrapping/wrap-client.ts';

export type { RedisOptions } from '../redis-commands/streams.ts';
export type { MessagingOptions, Relation } from '../verbs/messaging-options.ts';

/** A client of ioredis, as used here. */
export interface IORedisClient {
  readonly xadd: Method;
  readonly xread: Method;
  readonly xreadgroup: Method;
  readonly xack: Method;
}

/** An entry of a stream as ioredis returns it: its id, and its fields as `[name, value, name, value]`. */
export type IORedisEntry = readonly [id: string, fields: readonly unknown[]];

/** The position of the channel among a listener's arguments. The message is the next one. */
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
 * Returns a client that traces the stream entries it adds, reads, claims and acknowledges; use it instead of the
 * original.
 *
 * The context goes into fields of the entry. With `envelope`, pub/sub is traced too: `publish` and `spublish` put
 * messages into envelopes, and listeners for `message` and similar events receive them without. Commands are traced
 * in all their forms (`xadd`, `xaddBuffer`, `call('XADD')`), as are clients that `duplicate()` and `nodes()` return.
 * Entries added in a pipeline or transaction are created when they are queued, and sent by `exec`. Not traced:
 * `sendCommand` with a `Command`, scripts, and reads in a pipeline.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only ioredis itself throws.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 * @example
 * const redis = traceClient(new Redis());
 * await redis.xadd('orders', '*', 'id', '7');
 */
export function traceClient<C extends IORedisClient>(original: C, options: RedisOptions = {}): C {
  const tracer = redisTracer(flatFieldsCodec, options, 'traceClient()');
  const pubSubTracer =
    options.envelope === true ? redisTracer(headersCodec, options, 'traceClient()') : undefined;
  return traced(original);

  /** Returns a traced client. Clients derived from it are traced, too. */
  function traced<O extends object>(redis: O): O {
    const { options: settings } = redis as Connected;
    const server: MessagingTarget = {
      ...serverOf(settings),
      // Read for each message: the connection is made after the client, and again after it broke.
      get attributes() {
        return peerOf((redis as Connected).stream);
      },
    };
    const streams = new Streams(tracer, server);
    const pubSub = pubSubTracer && createPubSub(pubSubTracer, server);
    const call = callerOf(redis);

    const reading =
      (
        operationName: string,
        targetOf: (args: readonly unknown[]) => StreamRead,
        partsOf = partsIn,
      ): Command =>
      (args, invoke) => {
        const target = { operationName, ...targetOf(args) };
        return calledBack(args, (words) =>
          streams.read(
            target,
            () => invoke(words),
            (reply) => partsOf(reply, target),
          ),
        );
      };
    const publishing =
      (command: string, through: PubSub): Command =>
      ([channel, payload, ...rest], invoke) =>
        calledBack(rest, (more) =>
          through.publish(command, { channel, payload: payload as Payload }, (sealed) =>
            invoke([channel, sealed, ...more]),
          ),
        );

    const commands: Record<string, Command> = {
      xadd: (args, invoke) =>
        calledBack(args, (words) => {
          const split = splitXAdd(words);
          if (split === undefined) return invoke(words);
          return streams.add(words[0], split.fields, (fields) => invoke([...split.before, ...fields]));
        }),
      xread: reading('xread', sourceOfRead),
      xreadgroup: reading('xreadgroup', sourceOfRead),
      xclaim: reading('xclaim', sourceOfClaim, (reply, { destination }) => [
        { stream: destination, entries: entriesIn(reply) },
      ]),
      xautoclaim: reading('xautoclaim', sourceOfClaim, (reply, { destination }) => [
        { stream: destination, entries: entriesIn((reply as unknown[])[1]) },
      ]),
      xack: (args, invoke) =>
        calledBack(args, (words) => {
          const [stream, group, ...ids] = words.flat();
          return streams.acknowledge(stream, group, ids, () => invoke(words));
        }),
      ...(pubSub && { publish: publishing('publish', pubSub), spublish: publishing('spublish', pubSub) }),
    };

    const queueing =
      (name: 'pipeline' | 'multi') =>
      (first: unknown, ...rest: unknown[]) => {
        const listed = Array.isArray(first);
        const made = call(name, listed ? rest : [first, ...rest]);
        // `multi({ pipeline: false })` sends a command and returns its promise.
        if (typeof (made as { addBatch?: unknown }).addBatch !== 'function') return made;
        const pipeline = tracedPipeline(made as IORedisPipeline, server);
        return listed ? pipeline.addBatch(first) : pipeline;
      };

    return wrapClient(redis, {
      ...methodsOf(commands, call),
      ...(pubSub && listenersOf(redis, pubSub)),
      pipeline: queueing('pipeline'),
      multi: queueing('multi'),
      sendCommand(command: { readonly name?: unknown }, ...rest: unknown[]) {
        if (Object.hasOwn(commands, String(command?.name).toLowerCase())) reportOnce(UNTRACED);
        return call('sendCommand', [command, ...rest]);
      },
      duplicate: (...args: unknown[]) => traced(call('duplicate', args) as object),
      nodes: (...args: unknown[]) => (call('nodes', args) as object[]).map(traced),
    });
  }

  function tracedPipeline(pipeline: IORedisPipeline, server: MessagingTarget): IORedisPipeline {
    const queued = new QueuedMessages(tracer, server);
    const call = callerOf(pipeline);
    const publishing: Command = ([channel, payload, ...rest], invoke) =>
      queued.add(channel, undefined, (fields) =>
        invoke([channel, seal(payload as Payload, fields && recordOf(fields)), ...rest]),
      );
    const executing =
      (name: string) =>
      (...args: unknown[]) =>
        calledBack(args, (rest) => queued.send('exec', () => call(name, rest)));
    const wrapped: IORedisPipeline = wrapClient(pipeline, {
      ...methodsOf(
        {
          xadd(args, invoke) {
            const callback = args.findLastIndex((arg) => typeof arg !== 'function') + 1;
            const split = splitXAdd(args.slice(0, callback));
            if (split === undefined) return invoke(args);
            return queued.add(args[0], split.fields, (fields = []) =>
              invoke([...split.before, ...fields, ...args.slice(callback)]),
            );
          },
          ...(pubSubTracer && { publish: publishing, spublish: publishing }),
        },
        call,
      ),
      exec: executing('exec'),
      execBuffer: executing('execBuffer'),
      addBatch(listed: readonly (readonly [string, ...unknown[]])[]) {
        for (const [name, ...args] of listed)
          (wrapped as unknown as Record<string, (...args: unknown[]) => unknown>)[name]?.(...args);
        return wrapped;
      },
    });
    return wrapped;
  }
}

interface Connected {
  readonly options?: ServerOptions;
  readonly stream?: SocketLike | null;
}

/** A pipeline or transaction of ioredis, as used here. */
interface IORedisPipeline {
  addBatch(commands: readonly unknown[]): IORedisPipeline;
}

/** A command by its arguments, sent by `invoke`. */
type Command = (args: readonly unknown[], invoke: (args: readonly unknown[]) => unknown) => unknown;

const UNTRACED =
  'a message went through sendCommand() of ioredis untraced; call() and the methods of commands are traced';

/**
 * Returns the methods that send commands: by name, for answers as bytes, and with the name as first argument.
 */
function methodsOf(commands: Readonly<Record<string, Command>>, call: Call): Record<string, Method> {
  const methods: Record<string, Method> = {};
  for (const [name, command] of Object.entries(commands))
    for (const method of [name, `${name}Buffer`])
      methods[method] = (...args: unknown[]) => command(args, (words) => call(method, words));
  for (const method of ['call', 'callBuffer', 'send_command'])
    methods[method] = (name: unknown, ...args: unknown[]) => {
      const lower = String(name).toLowerCase();
      const command = Object.hasOwn(commands, lower) ? commands[lower] : undefined;
      if (command === undefined) return call(method, [name, ...args]);
      return command(Array.isArray(args[0]) ? args.flat() : args, (words) => call(method, [name, ...words]));
    };
  return methods;
}

/**
 * Sends a command without the callback that may be its last argument, which is called when the command has settled.
 *
 * Returns the promise of ioredis itself, which counts as handled if there is a callback; a derived one would not.
 */
function calledBack<R>(args: readonly unknown[], send: (args: readonly unknown[]) => R): R {
  const callback = args.at(-1);
  if (typeof callback !== 'function') return send(args);
  const sent = send(args.slice(0, -1));
  const call = (...results: unknown[]) => {
    try {
      callback(...results);
    } catch (error) {
      // As ioredis does with errors of callbacks.
      setImmediate(() => {
        throw error;
      });
    }
  };
  (sent as Promise<unknown>).then(
    (reply) => call(null, reply),
    (error: unknown) => call(error),
  );
  return sent;
}

/** Returns the methods that add and remove listeners, which receive messages without their envelope. */
const listenersOf = (redis: object, pubSub: PubSub) =>
  listenerMethods(redis, (event, listener) => {
    const at = MESSAGE_EVENTS.get(event);
    if (at === undefined) return undefined;
    return function tracedListener(this: unknown, ...args: never[]) {
      const [channel, payload] = args.slice(at) as unknown[] as [unknown, Payload];
      const pattern = at === 0 ? undefined : args[0];
      return pubSub.deliver({ channel, pattern, payload }, (opened) =>
        Reflect.apply(listener, this, [...args.slice(0, at + 1), opened] as never[]),
      );
    };
  });

/** Returns our flat fields by name. */
function recordOf(fields: FlatFields): MessageHeaders {
  const record: Record<string, unknown> = {};
  for (let at = 0; at < fields.length; at += 2) record[String(fields[at])] = fields[at + 1];
  return record;
}

/**
 * Returns a traced handler. Each call runs in the span that processes its entry. Use it for what `xread`,
 * `xreadgroup` and the like return.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the handler itself throws.
 * @example
 * const handle = traceHandler(async ([id, fields]) => save(fields));
 * for (const [, entries] of (await redis.xread('STREAMS', 'orders', '$')) ?? [])
 *   for (const entry of entries) await handle(entry);
 */
export function traceHandler<E extends IORedisEntry, Rest extends unknown[], R>(
  handler: (entry: E, ...rest: Rest) => R,
  options: MessagingOptions = {},
): (entry: E, ...rest: Rest) => R {
  const tracer = redisTracer(flatFieldsCodec, options, 'traceHandler()');
  return tracedHandler(handler, (entry, call) =>
    tracer.process(entryMessage(described(entry)), () => call(entry), { received: true }),
  );
}

const described = (entry: IORedisEntry): StreamEntry<FlatFields> => ({
  origin: entry,
  id: entry[0],
  carrier: entry[1] ?? undefined,
});

const entriesIn = (entries: unknown) =>
  ((entries ?? []) as IORedisEntry[]).filter(Array.isArray).map(described);

function partsIn(reply: unknown, _target: MessagingTarget): StreamPart<FlatFields>[] {
  const parts = (reply ?? []) as [stream: unknown, entries: unknown][];
  return parts.map(([stream, entries]) => ({ stream, entries: entriesIn(entries) }));
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
