import { withMembers } from '@throughline/core/seam';
import type { MessageHeaders } from '../verbs/carrier-codec.ts';
import type { Message } from '../verbs/message.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import type { Method } from '../wrapping/method.ts';
import { wrapClient } from '../wrapping/wrap-client.ts';
import {
  describedMessage,
  entityOf,
  type ServiceBusLink,
  type ServiceBusMessage,
  serviceBusTracer,
} from './service-bus-tracer.ts';

/** A sender of `@azure/service-bus`, as used here. */
export interface ServiceBusSender extends ServiceBusLink {
  readonly sendMessages: Method;
}

interface Batch {
  readonly count: number;
  tryAddMessage(message: ServiceBusMessage, ...rest: unknown[]): boolean;
}

type Sendable = ServiceBusMessage | readonly ServiceBusMessage[];

/** The methods with the client's signatures. */
interface Sender {
  sendMessages(messages: Sendable | Batch, ...rest: unknown[]): unknown;
  scheduleMessages(messages: Sendable, ...rest: unknown[]): unknown;
  createMessageBatch(...options: unknown[]): Promise<Batch>;
}

/** The messages of batches, by batch. */
const created = new WeakMap<object, Message<MessageHeaders>[]>();

/**
 * Returns a sender that traces what it sends and schedules; use it instead of the original.
 *
 * Messages get `traceparent`, `tracestate` and `baggage` as application properties, and `Diagnostic-Id`, which
 * Azure's own libraries read. They get these whether the span is recorded or not.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the client itself throws.
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
    // The casts: a list stays a list and a message a message, which the type of M does not express.
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

function isBatch(messages: Sendable | Batch): messages is Batch {
  return typeof (messages as Partial<Batch> | undefined)?.tryAddMessage === 'function';
}

/** Returns anything but a message unchanged; the client refuses it. */
function withProperties(
  message: ServiceBusMessage,
  properties: MessageHeaders | undefined,
): ServiceBusMessage {
  const same =
    typeof message !== 'object' || message === null || properties === message.applicationProperties;
  return same ? message : withMembers(message, { applicationProperties: properties });
}
