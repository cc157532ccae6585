import { ROOT_CONTEXT } from '@opentelemetry/api';
import type { MessageHeaders } from '../verbs/carrier-codec.ts';
import type { Message } from '../verbs/message.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { listenerMethods } from '../wrapping/listeners.ts';
import type { Method } from '../wrapping/method.ts';
import { tracedHandler } from '../wrapping/traced-handler.ts';
import { wrapClient } from '../wrapping/wrap-client.ts';
import {
  type PubSubMessage,
  pubsubTracer,
  receivedMessage,
  serverOf,
  settlingMessage,
} from './pubsub-tracer.ts';

/** A subscription of `@google-cloud/pubsub`, as used here. */
export interface PubSubSubscription {
  readonly name: string;
  readonly on: Method;
}

/** A CloudEvent of Pub/Sub, as a Cloud Function receives it. */
export interface PubSubEvent {
  readonly data: PubSubPush;
}

/** The body of a push request, parsed. */
export interface PubSubPush {
  readonly message: PubSubMessage;
  /** `projects/my-project/subscriptions/mailer` */
  readonly subscription: string;
  readonly deliveryAttempt?: number | undefined;
}

/**
 * Returns a subscription that traces the handling of its messages; use it instead of the original.
 *
 * Each listener of `message` runs in the span that processes its message, which ends when what the listener returns
 * has settled. The message that it gets records a span for each `ack`, `nack` and the like.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the library itself throws.
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
  const server = serverOf(original);
  const wrap = (event: unknown, listener: Method) =>
    event !== 'message'
      ? undefined
      : function onMessage(this: unknown, message: PubSubMessage, ...rest: never[]) {
          const received = { ...server, ...receivedMessage(message, original.name) };
          const settling = settlingMessage(tracer, message, received);
          const handle = () => Reflect.apply(listener, this, [settling, ...rest]);
          return tracer.process(received, handle, { ambient: ROOT_CONTEXT });
        };
  return wrapClient(original, listenerMethods(original, wrap));
}

/**
 * Returns a traced handler. Each call runs in the span that processes its message. Use it for messages from a pull or
 * an iterator, in the body of a push, and in the event of a Cloud Function.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the handler itself throws.
 * @example
 * const handle = traceHandler(async (message: Message) => save(message.data));
 */
export function traceHandler<M extends PubSubMessage | PubSubPush | PubSubEvent, Rest extends unknown[], R>(
  handler: (message: M, ...rest: Rest) => R,
  options: MessagingOptions = {},
): (message: M, ...rest: Rest) => R {
  const tracer = pubsubTracer(options, 'traceHandler()');
  return tracedHandler(handler, (given, call) => tracer.process(delivered(given), () => call(given)));
}

/**
 * Returns a traced handler of a push endpoint. Each call runs in the span that processes the message in the request's
 * body.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the handler itself throws.
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
  return tracedHandler(handler, (push, call) => tracer.process(delivered(push), () => call(push)));
}

/** Returns the message in a push, in an event, or the message itself. */
function delivered(given: object | undefined): Message<MessageHeaders> {
  const { data, message } = (given ?? {}) as Partial<PubSubPush & PubSubEvent>;
  const push: Partial<PubSubPush> = message === undefined ? (data ?? {}) : (given as PubSubPush);
  if (push.message !== undefined)
    return receivedMessage(push.message ?? {}, push.subscription, push.deliveryAttempt);
  return receivedMessage(given ?? {});
}
