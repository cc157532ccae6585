import { ROOT_CONTEXT } from '@opentelemetry/api';
import { activeContext, runInContext } from '@throughline/core';
import { handOver } from '../kafka/handler-with.ts';
import {
  committed,
  type KafkaMessage,
  type KafkaPlace,
  kafkaMessage,
  onlyTopic,
  partitionId,
} from '../kafka/kafka-message.ts';
import type { Message, MessagingTarget } from '../verbs/message.ts';
import type { MessagingTracer } from '../verbs/messaging-tracer.ts';
import { listenerMethods } from '../wrapping/listeners.ts';
import type { Method } from '../wrapping/method.ts';
import { sendWithCallback } from '../wrapping/send-with-callback.ts';
import { serverAt } from '../wrapping/server-at.ts';
import { wrapClient } from '../wrapping/wrap-client.ts';
import type { RdKafkaHeaders } from './rdkafka-headers.ts';

/** A producer with the methods of librdkafka. */
export interface RdKafkaProducer {
  readonly produce: Method;
}

/** A consumer with the methods of librdkafka. */
export interface RdKafkaConsumer {
  readonly consume: Method;
  readonly commitMessage: Method;
}

interface RdKafkaMessage extends KafkaMessage<RdKafkaHeaders>, KafkaPlace {
  readonly topic: string;
  readonly partition: number;
}

interface Producer {
  produce(...args: unknown[]): unknown;
  readonly setValueSerializer?: unknown;
}

type Listener = (message: RdKafkaMessage) => unknown;

interface Consumer {
  consume(...args: unknown[]): unknown;
  listenerCount(event: string): number;
}

/**
 * Returns the broker that a client is configured with. With several, the client does not say which one a message
 * takes.
 */
function serverOf(client: object): MessagingTarget {
  const { globalConfig = {} } = client as { readonly globalConfig?: { readonly [name: string]: unknown } };
  return serverAt(globalConfig['bootstrap.servers'] ?? globalConfig['metadata.broker.list']);
}

type ListTracer = MessagingTracer<RdKafkaHeaders>;

/** Returns a traced producer with the methods of librdkafka. */
export function tracedRdKafkaProducer<P extends object>(original: P, tracer: ListTracer): P {
  // The cast: the structural types name only what we call.
  const producer = original as unknown as Producer;
  const server = serverOf(original);
  const highLevel = typeof producer.setValueSerializer === 'function';

  return wrapClient(original, {
    produce(
      topic: string,
      partition: unknown,
      value: unknown,
      key: unknown,
      time: unknown,
      ...rest: unknown[]
    ) {
      const describe = (headers: unknown): Message<RdKafkaHeaders> => ({
        ...kafkaMessage({ key, value, headers: headers as RdKafkaHeaders }, { topic }, server),
        partitionId: partitionId(partition),
      });
      if (!highLevel) {
        const [opaque, headers] = rest;
        return tracer.send(describe(headers), (carrier) =>
          producer.produce(topic, partition, value, key, time, opaque, carrier),
        );
      }
      // Headers may be left out before the callback.
      const [callback, headers] = rest.toReversed();
      return sendWithCallback(
        tracer,
        describe(headers),
        callback,
        (carrier, onDelivery) => producer.produce(topic, partition, value, key, time, carrier, onDelivery),
        (sending, _error, offset) => {
          if (typeof offset === 'number') sending.describe({ 'kafka.offset': offset });
        },
      );
    },
  });
}

/** Returns a traced consumer with the methods of librdkafka. */
export function tracedRdKafkaConsumer<C extends object>(
  original: C,
  tracer: ListTracer,
  of: MessagingTarget,
): C {
  // The cast: as above.
  const consumer = original as unknown as Consumer;
  const identity = { ...of, ...serverOf(original) };
  const describe = (message: RdKafkaMessage): Message<RdKafkaHeaders> =>
    kafkaMessage(message, message, identity);

  function traced(listener: Listener): Method {
    return function tracedListener(this: unknown, ...args: [RdKafkaMessage, ...unknown[]]) {
      const handle = () => Reflect.apply(listener, this, args);
      return tracer.process(describe(args[0]), handle, { ambient: ROOT_CONTEXT });
    };
  }

  function consume(...args: unknown[]): unknown {
    const [number] = args;
    const callback = args.at(-1);
    if (typeof callback !== 'function') return consumer.consume(...args);
    const caller = activeContext();
    const call = (results: unknown[]) => Reflect.apply(callback, undefined, results);
    const onMessages = (...results: [error: unknown, found?: RdKafkaMessage | RdKafkaMessage[]]) => {
      const [, found] = results;
      // A message that a listener has processed is not processed again.
      if (!found || consumer.listenerCount('data') > 0) return runInContext(caller, () => call(results));
      if (!Array.isArray(found))
        return tracer.process(describe(found), () => call(results), { ambient: ROOT_CONTEXT });
      if (found.length === 0) return runInContext(caller, () => call(results));
      const messages = found.map((message) => handOver(message, describe(message)));
      const batch = { ...identity, operationName: 'consume', destination: onlyTopic(found), messages };
      return tracer.processBatch(batch, () => call(results), { ambient: caller });
    };
    return typeof number === 'number' ? consumer.consume(number, onMessages) : consumer.consume(onMessages);
  }

  const committing = (method: string) => {
    const commit = (original as Record<string, unknown>)[method] as Method;
    return (...args: unknown[]) => {
      const offsets = [args[0] ?? []].flat() as RdKafkaMessage[];
      const [message] = offsets;
      const settled =
        method.startsWith('commitMessage') && message ? describe(message) : committed(offsets, identity);
      return tracer.settle({ ...settled, operationName: 'commit' }, () =>
        Reflect.apply(commit, original, args),
      );
    };
  };

  return wrapClient(original, {
    ...listenerMethods(original, (event, listener) =>
      event === 'data' ? traced(listener as Listener) : undefined,
    ),
    consume,
    commit: committing('commit'),
    commitSync: committing('commitSync'),
    commitMessage: committing('commitMessage'),
    commitMessageSync: committing('commitMessageSync'),
  });
}
