import { ROOT_CONTEXT } from '@opentelemetry/api';
import { activeContext, runInContext } from '@throughline/core';
import {
  createMessagingTracer,
  type Message,
  type MessageHeaders,
  type MessagingOptions,
} from '@throughline/core/messaging';
import { listenerMethods } from './listeners.ts';
import { attributesCodec } from './pubsub-attributes.ts';
import { nameIn, ordered, type PubSubMessage, receivedMessage, settlingMessage } from './pubsub-message.ts';
import { wrapClient } from './wrap-client.ts';

export type { MessagingOptions, Relation } from '@throughline/core/messaging';
export type { PubSubMessage } from './pubsub-message.ts';

type Method = (...args: never[]) => unknown;

/** A topic of `@google-cloud/pubsub`, as far as it matters here. */
export interface PubSubTopic {
  readonly name: string;
  readonly publishMessage: Method;
}

/** A subscription of `@google-cloud/pubsub`, as far as it matters here. */
export interface PubSubSubscription {
  readonly name: string;
  readonly on: Method;
}

/** The body of a push request, parsed. */
export interface PubSubPush {
  readonly message: PubSubMessage;
  /** `projects/my-project/subscriptions/mailer` */
  readonly subscription: string;
  readonly deliveryAttempt?: number | undefined;
}

interface Outgoing {
  readonly attributes?: MessageHeaders | undefined;
  readonly orderingKey?: string | undefined;
}

type OnPublished = (error: unknown, id?: string | null) => unknown;

/** The methods under the library's signatures. */
interface Topic {
  publishMessage(message: Outgoing, callback?: OnPublished): unknown;
  readonly flowControlled?: () => { publish: Method; publishNow: Method };
  readonly pubsub?: { readonly options?: { readonly enableOpenTelemetryTracing?: boolean } };
}

/**
 * The topic, with what it publishes traced; used in its place from then on.
 *
 * The span of a publish ends when Pub/Sub has answered; that of a flow-controlled one, when the library has taken the
 * message.
 *
 * @throws TypeError when an option has the wrong type. Nothing throws afterwards but what the library throws.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/gcp-pubsub/
 * @example
 * const topic = traceTopic(pubsub.topic('orders'));
 * await topic.publishMessage({ json: { id: 7 } });
 */
export function traceTopic<T extends PubSubTopic>(original: T, options: MessagingOptions = {}): T {
  // The cast: the library's own types differ between majors, and we take any of them.
  const topic = original as unknown as Topic;
  // With tracing of its own the library writes its names itself, and complains of ours.
  const byLibrary = topic.pubsub?.options?.enableOpenTelemetryTracing === true;
  const tracer = pubsubTracer(options, 'traceTopic()', !byLibrary);
  const destination = nameIn(original.name);
  const described = ({ attributes: carrier, orderingKey }: Outgoing): Message<MessageHeaders> => ({
    destination,
    operationName: 'publish',
    carrier,
    attributes: ordered(orderingKey),
  });

  function publishMessage(message: Outgoing, callback?: OnPublished): unknown {
    if (callback === undefined)
      return tracer.send(
        described(message),
        (attributes) => topic.publishMessage(withAttributes(message, attributes)),
        (id) => ({ 'messaging.message.id': String(id) }),
      );
    const caller = activeContext();
    const sending = tracer.startSend(described(message));
    const onPublished: OnPublished = (error, id) => {
      if (typeof id === 'string') sending.describe({ 'messaging.message.id': id });
      sending.end(error);
      return runInContext(caller, () => callback(error, id));
    };
    return sending.run(() => topic.publishMessage(withAttributes(message, sending.carrier), onPublished));
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
 * The subscription, with the handling of its messages traced; used in its place from then on.
 *
 * Each listener of `message` runs in the span that processes its message, which ends when what the listener returns has
 * settled. The message that it gets makes a span of each `ack`, `nack` and their like.
 *
 * @throws TypeError when an option has the wrong type. Nothing throws afterwards but what the library throws.
 * @example
 * const subscription = traceSubscription(pubsub.subscription('mailer'));
 * subscription.on('message', async (message) => {
 *   await handle(message);
 *   message.ack();
 * });
 */
export function traceSubscription<S extends PubSubSubscription>(
  original: S,
  options: MessagingOptions = {},
): S {
  const tracer = pubsubTracer(options, 'traceSubscription()');
  const wrap = (event: unknown, listener: Method) =>
    event !== 'message'
      ? undefined
      : function onMessage(this: unknown, message: PubSubMessage, ...rest: never[]) {
          const received = receivedMessage(message, original.name);
          const settling = settlingMessage(tracer, message, received);
          const handle = () => Reflect.apply(listener, this, [settling, ...rest]);
          return tracer.process(received, handle, { ambient: ROOT_CONTEXT });
        };
  return wrapClient(original, listenerMethods(original, wrap));
}

/**
 * The handler, each call of it in the span that processes its message: for messages from a pull or an iterator.
 *
 * @throws TypeError when an option has the wrong type. Nothing throws afterwards but what the handler throws.
 * @example
 * const handle = traceHandler(async (message: Message) => save(message.data));
 */
export function traceHandler<M extends PubSubMessage, Rest extends unknown[], R>(
  handler: (message: M, ...rest: Rest) => R,
  options: MessagingOptions = {},
): (message: M, ...rest: Rest) => R {
  const tracer = pubsubTracer(options, 'traceHandler()');
  return (message, ...rest) =>
    tracer.process(receivedMessage(message ?? {}), () => handler(message, ...rest));
}

/**
 * The handler of a push endpoint, each call of it in the span that processes the message of the request's body.
 *
 * @throws TypeError when an option has the wrong type. Nothing throws afterwards but what the handler throws.
 * @example
 * const handle = tracePushHandler(async ({ message }: PubSubPush) => save(message.attributes));
 * app.post('/push', async (req, res) => {
 *   await handle(req.body);
 *   res.sendStatus(204);
 * });
 */
export function tracePushHandler<P extends PubSubPush, Rest extends unknown[], R>(
  handler: (push: P, ...rest: Rest) => R,
  options: MessagingOptions = {},
): (push: P, ...rest: Rest) => R {
  const tracer = pubsubTracer(options, 'tracePushHandler()');
  return (push, ...rest) => {
    const { message = {}, subscription, deliveryAttempt } = (push ?? {}) as Partial<P>;
    const received = receivedMessage({ ...message, deliveryAttempt }, subscription);
    return tracer.process(received, () => handler(push, ...rest));
  };
}

const pubsubTracer = (options: MessagingOptions, entry: string, googclient = true) =>
  createMessagingTracer({ system: 'gcp_pubsub', codec: attributesCodec(googclient) }, options, {
    package: 'messaging',
    entry,
  });

function withAttributes(message: Outgoing, attributes: MessageHeaders | undefined): Outgoing {
  return attributes === message.attributes ? message : { ...message, attributes };
}
