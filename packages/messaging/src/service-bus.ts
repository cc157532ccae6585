import { ROOT_CONTEXT } from '@opentelemetry/api';
import {
  createMessagingTracer,
  type Message,
  type MessageHeaders,
  type MessagingOptions,
  type MessagingTarget,
} from '@throughline/core/messaging';
import {
  describedMessage,
  entityOf,
  propertiesCodec,
  type ServiceBusLink,
  type ServiceBusMessage,
} from './service-bus-message.ts';
import { wrapClient } from './wrap-client.ts';

export type { MessagingOptions, Relation } from '@throughline/core/messaging';
export type { ServiceBusMessage } from './service-bus-message.ts';

type Method = (...args: never[]) => unknown;

/** A sender of `@azure/service-bus`, as far as it matters here. */
export interface ServiceBusSender extends ServiceBusLink {
  readonly sendMessages: Method;
}

/** A receiver of `@azure/service-bus`, with sessions or without, as far as it matters here. */
export interface ServiceBusReceiver extends ServiceBusLink {
  readonly receiveMessages: Method;
  readonly subscribe: Method;
}

interface Batch {
  readonly count: number;
  tryAddMessage(message: ServiceBusMessage, ...rest: unknown[]): boolean;
}

type Sendable = ServiceBusMessage | readonly ServiceBusMessage[];

/** The methods under the client's signatures. */
interface Sender {
  sendMessages(messages: Sendable | Batch, ...rest: unknown[]): unknown;
  scheduleMessages(messages: Sendable, ...rest: unknown[]): unknown;
  createMessageBatch(...options: unknown[]): Promise<Batch>;
}

interface Handlers {
  processMessage(message: ServiceBusMessage, ...rest: unknown[]): unknown;
}

/** From where a message came: it does not say. */
const entities = new WeakMap<object, MessagingTarget>();

/** Messages that a traced receive has counted. */
const counted = new WeakSet<object>();

/** The messages of batches that are being filled. */
const created = new WeakMap<object, Message<MessageHeaders>[]>();

/**
 * The sender, with what it sends and schedules traced; used in its place from then on.
 *
 * Messages get `traceparent`, `tracestate` and `baggage` as application properties, and `Diagnostic-Id`, which Azure's
 * own libraries read, whether the span is recorded or not.
 *
 * @throws TypeError when an option has the wrong type. Nothing throws afterwards but what the client throws.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/azure-messaging/
 * @example
 * const sender = traceSender(client.createSender('orders'));
 * await sender.sendMessages({ body: { id: 7 } });
 */
export function traceSender<S extends ServiceBusSender>(original: S, options: MessagingOptions = {}): S {
  const tracer = serviceBusTracer(options, 'traceSender()');
  const sender = original as unknown as Sender;
  const entity = entityOf(original);

  function send<M extends Sendable>(
    operationName: string,
    messages: M,
    call: (traced: M) => unknown,
  ): unknown {
    const target = { ...entity, operationName };
    // The casts: a list stays a list and a message a message, which the type of M does not tell.
    if (!Array.isArray(messages)) {
      const message = messages as ServiceBusMessage;
      return tracer.send(describedMessage(message ?? {}, target), (properties) =>
        call(withProperties(message, properties) as M),
      );
    }
    const described = messages.map((message: ServiceBusMessage) => describedMessage(message ?? {}, {}));
    return tracer.sendBatch({ ...target, messages: described }, (carriers) =>
      call(messages.map((message, index) => withProperties(message, carriers[index])) as unknown as M),
    );
  }

  function sendMessages(messages: Sendable | Batch, ...rest: unknown[]): unknown {
    if (!isBatch(messages)) return send('send', messages, (traced) => sender.sendMessages(traced, ...rest));
    const attributes = { 'messaging.batch.message_count': messages.count };
    return tracer.sendBatch({ ...entity, messages: created.get(messages) ?? [], attributes }, () =>
      sender.sendMessages(messages, ...rest),
    );
  }

  async function createMessageBatch(...batchOptions: unknown[]): Promise<Batch> {
    const batch = await sender.createMessageBatch(...batchOptions);
    const added: Message<MessageHeaders>[] = [];
    const traced = wrapClient(batch, {
      tryAddMessage(message: ServiceBusMessage, ...rest: unknown[]) {
        const described = describedMessage(message ?? {}, entity);
        const creating = tracer.startCreate(described);
        const fits = creating.run(() =>
          batch.tryAddMessage(withProperties(message, creating.carrier), ...rest),
        );
        creating.end();
        if (fits) added.push({ ...described, carrier: creating.carrier });
        return fits;
      },
    });
    created.set(traced, added);
    return traced;
  }

  return wrapClient(original, {
    sendMessages,
    scheduleMessages: (messages: Sendable, ...rest: unknown[]) =>
      send('schedule', messages, (traced) => sender.scheduleMessages(traced, ...rest)),
    createMessageBatch,
  });
}

/**
 * The receiver, with its messages' arrival, handling and settlement traced; used in its place from then on.
 *
 * `processMessage` of `subscribe` runs in the span that processes its message. Messages that `receiveMessages` returns
 * are processed by a handler of `traceHandler`.
 *
 * @throws TypeError when an option has the wrong type. Nothing throws afterwards but what the client throws.
 * @example
 * const receiver = traceReceiver(client.createReceiver('orders'));
 * receiver.subscribe({ processMessage: handle, processError: report });
 */
export function traceReceiver<R extends ServiceBusReceiver>(original: R, options: MessagingOptions = {}): R {
  const tracer = serviceBusTracer(options, 'traceReceiver()');
  const receiver = original as unknown as Record<string, (...args: unknown[]) => unknown>;
  const entity = entityOf(original);

  const receive =
    (name: string) =>
    (...args: unknown[]) => {
      const call = async () => {
        const messages = (await receiver[name]?.(...args)) as ServiceBusMessage[];
        for (const message of messages) entities.set(message, entity);
        return messages;
      };
      return tracer.receive(entity, call, (messages) =>
        messages.map((message) => {
          counted.add(message);
          return describedMessage(message, entity);
        }),
      );
    };
  const settle =
    (name: string, operationName: string) =>
    (message: ServiceBusMessage, ...rest: unknown[]) => {
      const settled = describedMessage(message ?? {}, entity);
      const attributes = {
        ...settled.attributes,
        'messaging.servicebus.disposition_status': operationName,
      };
      return tracer.settle({ ...settled, operationName, attributes }, () =>
        receiver[name]?.(message, ...rest),
      );
    };

  return wrapClient(original, {
    subscribe(handlers: Handlers, ...rest: unknown[]) {
      const processMessage = (message: ServiceBusMessage, ...more: unknown[]) =>
        tracer.process(describedMessage(message, entity), () => handlers.processMessage(message, ...more), {
          ambient: ROOT_CONTEXT,
        });
      const traced = typeof handlers?.processMessage === 'function';
      return receiver.subscribe?.(traced ? wrapClient(handlers, { processMessage }) : handlers, ...rest);
    },
    receiveMessages: receive('receiveMessages'),
    receiveDeferredMessages: receive('receiveDeferredMessages'),
    completeMessage: settle('completeMessage', 'complete'),
    abandonMessage: settle('abandonMessage', 'abandon'),
    deferMessage: settle('deferMessage', 'defer'),
    deadLetterMessage: settle('deadLetterMessage', 'dead_letter'),
  });
}

/**
 * The handler, each call of it in the span that processes its message: for messages from `receiveMessages` or the
 * receiver's iterator.
 *
 * @throws TypeError when an option has the wrong type. Nothing throws afterwards but what the handler throws.
 * @example
 * const handle = traceHandler(async (message: ServiceBusReceivedMessage) => save(message.body));
 * for (const message of await receiver.receiveMessages(10)) await handle(message);
 */
export function traceHandler<M extends ServiceBusMessage, Rest extends unknown[], R>(
  handler: (message: M, ...rest: Rest) => R,
  options: MessagingOptions = {},
): (message: M, ...rest: Rest) => R {
  const tracer = serviceBusTracer(options, 'traceHandler()');
  return function tracedHandler(message, ...rest) {
    const entity = entities.get(message);
    const described = describedMessage(message, entity ?? {});
    return tracer.process(described, () => handler(message, ...rest), { received: entity !== undefined });
  };
}

const serviceBusTracer = (options: MessagingOptions, entry: string) =>
  createMessagingTracer({ system: 'servicebus', codec: propertiesCodec }, options, {
    package: 'messaging',
    entry,
  });

function isBatch(messages: Sendable | Batch): messages is Batch {
  return typeof (messages as Partial<Batch> | undefined)?.tryAddMessage === 'function';
}

/** What is no message is for the client to refuse. */
function withProperties(
  message: ServiceBusMessage,
  properties: MessageHeaders | undefined,
): ServiceBusMessage {
  const same =
    typeof message !== 'object' || message === null || properties === message.applicationProperties;
  return same ? message : { ...message, applicationProperties: properties };
}
