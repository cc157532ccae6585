import type { Message, MessagingTarget } from '../verbs/message.ts';
import type { MessagingTracer } from '../verbs/messaging-tracer.ts';

/** Messages that are queued in a pipeline or transaction: created one by one, sent together. */
export class QueuedMessages<C> {
  readonly #tracer: MessagingTracer<C>;
  readonly #server: MessagingTarget;
  #queued: Message<C>[] = [];

  constructor(tracer: MessagingTracer<C>, server: MessagingTarget) {
    this.#tracer = tracer;
    this.#server = server;
  }

  /** Queues a message; `call` gets the metadata to send. */
  add<R>(destination: unknown, carrier: C | undefined, call: (carrier: C | undefined) => R): R {
    const message = { ...this.#server, destination: String(destination), carrier };
    const creating = this.#tracer.startCreate(message);
    const result = creating.run(() => call(creating.carrier));
    creating.end();
    this.#queued.push({ ...message, carrier: creating.carrier });
    return result;
  }

  /** Sends what is queued. */
  send<R>(operationName: string, call: () => R): R {
    const messages = this.#queued;
    this.#queued = [];
    if (messages.length === 0) return call();
    const destinations = new Set(messages.map(({ destination }) => destination));
    const destination = destinations.size === 1 ? messages[0]?.destination : undefined;
    return this.#tracer.sendBatch({ ...this.#server, operationName, destination, messages }, call);
  }
}
