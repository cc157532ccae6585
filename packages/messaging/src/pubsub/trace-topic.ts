import { withMembers } from '@throughline/core/seam';
import type { MessageHeaders } from '../verbs/carrier-codec.ts';
import type { Message } from '../verbs/message.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import type { Method } from '../wrapping/method.ts';
import { sendWithCallback } from '../wrapping/send-with-callback.ts';
import { wrapClient } from '../wrapping/wrap-client.ts';
import { clientOptions, nameIn, ordered, pubsubTracer, serverOf } from './pubsub-tracer.ts';

/** A topic of `@google-cloud/pubsub`, as used here. */
export interface PubSubTopic {
  readonly name: string;
  readonly publishMessage: Method;
}

interface Outgoing {
  readonly data?: unknown;
  readonly json?: unknown;
  readonly attributes?: MessageHeaders | undefined;
  readonly orderingKey?: string | undefined;
}

type OnPublished = (error: unknown, id?: string | null) => unknown;

/** The methods with the library's signatures. */
interface Topic {
  publishMessage(message: Outgoing, callback?: OnPublished): unknown;
  readonly flowControlled?: () => { publish: Method; publishNow: Method };
}

/**
 * Returns a topic that traces what it publishes; use it instead of the original.
 *
 * The span of a publish ends when Pub/Sub has answered; that of a flow-controlled one, when the library has accepted
 * the message.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the library itself throws.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/gcp-pubsub/
 * @example
 * const topic = traceTopic(pubsub.topic('orders'));
 * await topic.publishMessage({ json: { id: 7 } });
 */
export function traceTopic<T extends PubSubTopic>(original: T, options: MessagingOptions = {}): T {
  // The cast: the library's own types differ between majors, and any of them is accepted.
  const topic = original as unknown as Topic;
  // With its own tracing enabled, the library writes these names itself, and complains about ours.
  const byLibrary = clientOptions(original)?.enableOpenTelemetryTracing === true;
  const tracer = pubsubTracer(options, 'traceTopic()', !byLibrary);
  const destination = nameIn(original.name);
  const server = serverOf(original);
  const described = ({ attributes: carrier, orderingKey }: Outgoing): Message<MessageHeaders> => ({
    ...server,
    destination,
    carrier,
    attributes: ordered(orderingKey),
  });

  function publishMessage(given: Outgoing, callback?: OnPublished): unknown {
    // The library copies messages and so ignores inherited members.
    const message = { ...given };
    if (isRefused(message))
      return Reflect.apply(original.publishMessage, original, [given, callback] as never[]);
    if (callback === undefined)
      return tracer.send(
        described(message),
        (attributes) => topic.publishMessage(withAttributes(message, attributes)),
        (id) => ({ 'messaging.message.id': String(id) }),
      );
    return sendWithCallback(
      tracer,
      described(message),
      callback,
      (attributes, onPublished) => topic.publishMessage(withAttributes(message, attributes), onPublished),
      (sending, _error, id) => {
        if (typeof id === 'string') sending.describe({ 'messaging.message.id': id });
      },
    );
  }

  /** `publish` and `publishJSON`, which the library deprecates. */
  const publishAs =
    (content: 'data' | 'json') =>
    (value: unknown, attributes?: MessageHeaders | OnPublished, callback?: OnPublished) =>
      typeof attributes === 'function'
        ? publishMessage({ [content]: value }, attributes)
        : publishMessage({ [content]: value, ...(attributes && { attributes }) }, callback);

  return wrapClient(original, {
    publishMessage,
    publish: publishAs('data'),
    publishJSON: publishAs('json'),
    ...(topic.flowControlled && {
      flowControlled() {
        const publisher = (topic.flowControlled as NonNullable<Topic['flowControlled']>)();
        const publish = (name: 'publish' | 'publishNow') => (message: Outgoing) =>
          tracer.send(described(message), (attributes) =>
            Reflect.apply(publisher[name], publisher, [withAttributes(message, attributes)]),
          );
        return wrapClient(publisher, { publish: publish('publish'), publishNow: publish('publishNow') });
      },
    }),
  });
}

/**
 * Without data, the library requires an attribute. With ours it would publish a message that it should refuse.
 */
function isRefused({ data, json, attributes }: Outgoing): boolean {
  return !data && !json && Object.keys(attributes ?? {}).length === 0;
}

function withAttributes(message: Outgoing, attributes: MessageHeaders | undefined): Outgoing {
  return attributes === message.attributes ? message : withMembers(message, { attributes });
}
