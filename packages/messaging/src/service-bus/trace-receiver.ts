import { ROOT_CONTEXT } from '@opentelemetry/api';
import type { MessagingTarget } from '../verbs/message.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { Arrivals } from '../wrapping/arrivals.ts';
import type { Method } from '../wrapping/method.ts';
import { tracedHandler } from '../wrapping/traced-handler.ts';
import { wrapClient } from '../wrapping/wrap-client.ts';
import {
  describedMessage,
  entityOf,
  type ServiceBusLink,
  type ServiceBusMessage,
  serviceBusTracer,
} from './service-bus-tracer.ts';

/** A receiver of `@azure/service-bus`, with sessions or without, as used here. */
export interface ServiceBusReceiver extends ServiceBusLink {
  readonly receiveMessages: Method;
  readonly subscribe: Method;
}

interface Handlers {
  processMessage(message: ServiceBusMessage, ...rest: unknown[]): unknown;
}

const arrivals = new Arrivals<MessagingTarget>();

/**
 * Returns a receiver that traces the arrival, handling and settlement of its messages; use it instead of the
 * original.
 *
 * `processMessage` of `subscribe` runs in the span that processes its message. Process messages that
 * `receiveMessages` returns with a handler from `traceHandler`.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the client itself throws.
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
        for (const message of messages) arrivals.note(message, entity);
        return messages;
      };
      return tracer.receive(entity, call, (messages) =>
        messages.map((message) => describedMessage(message, entity)),
      );
    };
  const settle =
    (name: string, operationName: string) =>
    (message: ServiceBusMessage, ...rest: unknown[]) => {
      const settled = describedMessage(message ?? {}, entity);
      const attributes = {
        ...settled.attributes,
        'azure.servicebus.disposition_status': operationName,
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
 * Returns a traced handler. Each call runs in the span that processes its message. Use it for messages from
 * `receiveMessages` or the receiver's iterator.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the handler itself throws.
 * @example
 * const handle = traceHandler(async (message: ServiceBusReceivedMessage) => save(message.body));
 * for (const message of await receiver.receiveMessages(10)) await handle(message);
 */
export function traceHandler<M extends ServiceBusMessage, Rest extends unknown[], R>(
  handler: (message: M, ...rest: Rest) => R,
  options: MessagingOptions = {},
): (message: M, ...rest: Rest) => R {
  const tracer = serviceBusTracer(options, 'traceHandler()');
  return tracedHandler(handler, (message, call) => {
    const entity = arrivals.knownOf(message);
    const described = describedMessage(message, entity ?? {});
    return tracer.process(described, () => call(message), { received: entity !== undefined });
  });
}
