import { follow, guarded, Scope } from '@throughline/core/seam';
import type { CarrierCodec } from '../verbs/carrier-codec.ts';
import type { Message, MessagingTarget } from '../verbs/message.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { createMessagingTracer, type MessagingTracer } from '../verbs/messaging-tracer.ts';
import { Arrivals } from '../wrapping/arrivals.ts';

/** Options of the Redis clients. */
export interface RedisOptions extends MessagingOptions {
  /**
   * Traces pub/sub by putting each message into an envelope with its context, and taking it out again. Every subscriber
   * must read envelopes then. Default: `false`, pub/sub is left alone.
   */
  readonly envelope?: boolean | undefined;
}

/** An entry of a stream, whichever client read it. */
export interface StreamEntry<C> {
  /** What the client handed over, by which the entry is known later. */
  readonly origin: object;
  readonly id: unknown;
  /** Its fields, which carry the context. */
  readonly carrier: C | undefined;
}

/** Entries of one stream. */
export interface StreamPart<C> {
  readonly stream: unknown;
  readonly entries: readonly StreamEntry<C>[];
}

/** A command that reads entries. */
export interface StreamRead extends MessagingTarget {
  /** Whether it waits for entries when there are none. */
  readonly waits?: boolean | undefined;
}

/** A tracer for Redis. @throws TypeError when an option has the wrong type. */
export function redisTracer<C>(
  codec: CarrierCodec<C>,
  options: RedisOptions,
  entry: string,
): MessagingTracer<C> {
  const scope = new Scope('messaging', entry);
  return createMessagingTracer({ system: 'redis', codec }, options, scope, { envelope: 'boolean' });
}

/** Whether there is no field: with ours alone, Redis would take an entry that it is to refuse. */
export const isEmpty = (fields: unknown) => Object.keys(fields ?? {}).length === 0;

const arrivals = new Arrivals<MessagingTarget>();

/** The verbs of streams, whichever client they go through. */
export class Streams<C> {
  readonly #tracer: MessagingTracer<C>;
  readonly #server: MessagingTarget;
  /** As which consumer of a group entries are read here, by group; `undefined` where as several. */
  readonly #consumers = new Map<string, string | undefined>();

  constructor(tracer: MessagingTracer<C>, server: MessagingTarget) {
    this.#tracer = tracer;
    this.#server = server;
  }

  /** Adds an entry; what Redis answers is its id. One without fields is left for Redis to refuse. */
  add<R>(stream: unknown, carrier: C, call: (carrier: C) => R): R {
    if (isEmpty(carrier)) return call(carrier);
    const destination = String(stream);
    const message = { ...this.#server, operationName: 'xadd', destination, carrier };
    const sending = this.#tracer.startSend(message);
    return follow(
      () => sending.run(() => call(sending.carrier ?? carrier)),
      (id) => {
        // In a transaction the id comes later.
        if (String(id) !== 'QUEUED') sending.describe({ 'messaging.message.id': String(id) });
        sending.end();
      },
      (error) => sending.end(error ?? 'rejected'),
    );
  }

  /**
   * Reads or claims entries.
   *
   * A read that waits for entries is recorded when there are some, without the time that it waited: a consumer waits
   * most of its life, and each time out would be a trace.
   */
  read<R>(
    { waits, operationName, ...target }: StreamRead,
    call: () => R,
    partsOf: (reply: Awaited<R>) => readonly StreamPart<C>[],
  ): R {
    const source = { ...this.#server, ...target };
    const { consumerGroup: group, clientId } = target;
    if (group !== undefined)
      this.#consumers.set(
        group,
        !this.#consumers.has(group) || this.#consumers.get(group) === clientId ? clientId : undefined,
      );
    const messagesOf = (reply: Awaited<R>) =>
      partsOf(reply).flatMap(({ entries }) => entries.map(entryMessage));
    const receive = <T>(fn: () => T, reply?: Awaited<R>) =>
      this.#tracer.receive({ operationName, ...source }, fn, (value) =>
        messagesOf(reply ?? (value as unknown as Awaited<R>)),
      );
    // Here and not with the messages, which are not asked for when reads are ignored.
    const remember = (reply: Awaited<R>) => {
      for (const { stream, entries } of partsOf(reply))
        for (const { origin } of entries) arrivals.note(origin, { ...source, destination: String(stream) });
    };
    const onReply = (reply: Awaited<R>) => {
      remember(reply);
      if (waits && messagesOf(reply).length > 0) receive(() => {}, reply);
    };
    const read = () =>
      follow(
        call,
        (reply) => guarded('a reply of Redis could not be read', () => onReply(reply)),
        () => {},
      );
    return waits ? read() : receive(read);
  }

  /** Reports to Redis that entries are done. */
  acknowledge<R>(stream: unknown, group: unknown, ids: readonly unknown[], call: () => R): R {
    const target = {
      ...this.#server,
      operationName: 'xack',
      destination: String(stream),
      consumerGroup: String(group),
      clientId: this.#consumers.get(String(group)),
    };
    const messages = ids.map((id) => ({ carrier: undefined, messageId: String(id) }));
    const [only, ...others] = messages;
    const settled =
      only === undefined || others.length > 0 ? { ...target, messages } : { ...target, ...only };
    return this.#tracer.settle(settled, call);
  }
}

/** An entry as a message. */
export function entryMessage<C>({ origin, id, carrier }: StreamEntry<C>): Message<C> {
  return { ...arrivals.knownOf(origin), carrier, messageId: String(id), timestamp: timeOf(String(id)) };
}

/** An entry's id is the time at which Redis added it, unless the application made it up. */
function timeOf(id: string): number | undefined {
  const time = Number(id.split('-', 1)[0]);
  return time > 1e11 ? time : undefined;
}
