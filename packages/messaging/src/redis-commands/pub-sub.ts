import { ROOT_CONTEXT } from '@opentelemetry/api';
import type { MessageHeaders } from '../verbs/carrier-codec.ts';
import type { MessagingTarget } from '../verbs/message.ts';
import type { MessagingTracer } from '../verbs/messaging-tracer.ts';
import { open, type Payload, seal } from '../wrapping/envelope.ts';

/** A message that was published; `pattern` is what was subscribed to, where that is a pattern: it names the span. */
interface Published {
  readonly channel: unknown;
  readonly pattern?: unknown;
  readonly payload: Payload;
}

/** Pub/sub in envelopes, whichever client it goes through. */
export interface PubSub {
  publish<R>(command: string, published: Published, call: (sealed: Payload) => R): R;
  deliver<R>(published: Published, call: (opened: Payload) => R): R;
}

/** Pub/sub of one client. */
export function createPubSub(tracer: MessagingTracer<MessageHeaders>, server: MessagingTarget): PubSub {
  return {
    publish(operationName, { channel, payload }, call) {
      const message = { ...server, operationName, destination: String(channel), carrier: undefined };
      return tracer.send(message, (fields) => call(seal(payload, fields)));
    },
    deliver({ channel, pattern, payload }, call) {
      const opened = open(payload);
      const message = {
        ...server,
        destination: String(channel),
        destinationTemplate: pattern === undefined ? undefined : String(pattern),
        carrier: opened.fields,
      };
      return tracer.process(message, () => call(opened.payload), { ambient: ROOT_CONTEXT });
    },
  };
}
