import { ROOT_CONTEXT } from '@opentelemetry/api';
import type { MessageHeaders } from '../verbs/carrier-codec.ts';
import type { MessagingTarget } from '../verbs/message.ts';
import type { MessagingTracer } from '../verbs/messaging-tracer.ts';
import { open, type Payload, seal } from '../wrapping/envelope.ts';

/** A published message. `pattern`: the pattern that was subscribed to, if any, which then names the span. */
interface Published {
  readonly channel: unknown;
  readonly pattern?: unknown;
  readonly payload: Payload;
}

/** Pub/sub in envelopes, for either client. */
export interface PubSub {
  publish<R>(command: string, published: Published, call: (sealed: Payload) => R): R;
  deliver<R>(published: Published, call: (opened: Payload) => R): R;
}

/** Returns the pub/sub of one client. */
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
