import { follow, guarded, Scope } from '@throughline/core/seam';
import type { CarrierCodec } from '../verbs/carrier-codec.ts';
import type { Message, MessagingTarget } from '../verbs/message.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { createMessagingTracer, type MessagingTracer } from '../verbs/messaging-tracer.ts';
import { Arrivals } from '../wrapping/arrivals.ts';

/** Options of the Redis clients. */
export interface RedisOptions extends MessagingOptions {
  /**
   * Traces pub/sub by putting each message into an envelope with its context, and taking it out on arrival. Every
   * subscriber must then read envelopes. Default: `false`, and pub/sub is not changed.
   */
  readonly envelope?: boolean | undefined;
}

/** An entry of a stream, from either client. */
export interface StreamEntry<C> {
  /** The client's own object, which identifies the entry later. */
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

/** Returns a tracer for Redis. @throws TypeError when an option has the wrong type. */
export function redisTracer<C>(
  codec: CarrierCodec<C>,
  options: RedisOptions,
  entry: string,
): MessagingTracer<C> {
  const scope = new Scope('messaging', entry);
  return createMessagingTracer({ system: 'redis', codec }, options, scope, { envelope: 'boolean' });
}

/** Returns whether there is no field. With ours alone, Redis would accept an entry that it should refuse. */
export const isEmpty = (fields: unknown) => Object.keys(fields ?? {}).length === 0;

const arrivals = new Arrivals<MessagingTarget>();

/** The verbs of streams, for either client. */
export class Streams<C> {
  readonly #tracer: MessagingTracer<C>;
  readonly #server: MessagingTarget;
  /** The consumer that entries are read as, by group; `undefined` if there are several. */
  readonly #consumers = new Map<string, string | undefined>();

  constructor(tracer: MessagingTracer<C>, server: MessagingTarget) {
    this.#tracer = tracer;
    this.#server = server;
  }

  /** Adds an entry; Redis replies with its id. Redis refuses an entry without fields. */
  add<R>(stream: unknown, carrier: C, call: (carrier: C) => R): R {
    if (isEmpty(carrier)) return call(carrier);
    const destination = String(stream);
    const message = { ...this.#server, operationName: 'xadd', destination, carrier };
    const sending = this.#tracer.startSend(message);
    return follow(
      () => sending.run(() => call(sending.carrier ?? carrier)),
      (id) => {
        // In a transaction the id arrives later.
        if (String(id) !== 'QUEUED') sending.describe({ 'messaging.message.id': String(id) });
        sending.end();
      },
      (error) => sending.end(error ?? 'rejected'),
    );
  }

  /**
   * Reads or claims entries.
   *
   * A read that waits for entries is recorded only if it returns some, and without the time that it waited: a
   * consumer waits most of the time, and each time-out would be a trace.
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
    // Here and not with the messages, which are not read when receives are ignored.
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

  /** Acknowledges entries. */
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

/** Returns an entry as a message. */
export function entryMessage<C>({ origin, id, carrier }: StreamEntry<C>): Message<C> {
  return { ...arrivals.knownOf(origin), carrier, messageId: String(id), timestamp: timeOf(String(id)) };
}

/**
 * Returns the time of an entry: its id begins with the time at which Redis added it, unless the application chose the
 * id.
 */
function timeOf(id: string): number | undefined {
  const time = Number(id.split('-', 1)[0]);
  return time > 1e11 ? time : undefined;
}
