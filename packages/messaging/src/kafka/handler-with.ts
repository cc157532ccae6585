import { kafkaMessageIn } from '../aws/lambda-records.ts';
import type { Message } from '../verbs/message.ts';
import type { MessagingTracer } from '../verbs/messaging-tracer.ts';
import { Arrivals } from '../wrapping/arrivals.ts';
import { tracedHandler } from '../wrapping/traced-handler.ts';
import { type KafkaMessage, type KafkaPlace, kafkaMessage } from './kafka-message.ts';

/** Messages that arrived several at once. In kafkajs only the batch says where they came from. */
const arrivals = new Arrivals<Message<unknown>>();

/** Remembers a message that a traced receive has counted, and returns its description. */
export function handOver<C>(message: object, described: Message<C>): Message<C> {
  arrivals.note(message, described);
  return described;
}

/** Returns a traced handler. Each call runs in the span that processes its message. */
export function handlerWith<C, M extends KafkaMessage<C> & KafkaPlace, Rest extends unknown[], R>(
  handler: (message: M, ...rest: Rest) => R,
  tracer: MessagingTracer<C>,
): (message: M, ...rest: Rest) => R {
  return tracedHandler(handler, (message, call) => {
    // The cast: a client's own messages hold the carrier that its tracer reads.
    const read = kafkaMessageIn(message);
    const described = arrivals.knownOf(message) as Message<C> | undefined;
    return tracer.process(described ?? (kafkaMessage(read, read) as Message<C>), () => call(message), {
      received: described !== undefined,
    });
  });
}
