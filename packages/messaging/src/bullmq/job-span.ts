import { type Attributes, type AttributeValue, type Context, createContextKey } from '@opentelemetry/api';
import { BATCH_COUNT, MESSAGE_ID, type Step } from './steps.ts';

/** BullMQ's interface `Span`. */
export interface BullMQSpan {
  setSpanOnContext(context: Context): Context;
  setAttribute(name: string, value: unknown): void;
  setAttributes(attributes: object): void;
  addEvent(name: string, attributes?: object): void;
  recordException(exception: unknown): void;
  end(): void;
}

const SPAN = createContextKey('Throughline BullMQ span');

/** Returns the span that BullMQ has put on a context. */
export const spanIn = (context: Context) => context.getValue(SPAN) as JobSpan | undefined;

/** The attributes of BullMQ that contain no job data, and their names in the conventions. */
const ATTRIBUTES: ReadonlyMap<string, string> = new Map([
  ['bullmq.job.id', MESSAGE_ID],
  ['bullmq.job.bulk.count', BATCH_COUNT],
  ['bullmq.worker.id', 'messaging.client.id'],
  ...['job.name', 'job.attempts.made', 'job.scheduler.id', 'worker.name'].map(
    (name) => [`bullmq.${name}`, `bullmq.${name}`] as const,
  ),
]);

/** The span object that BullMQ gets. The real span starts when BullMQ has said which queue it belongs to. */
export class JobSpan implements BullMQSpan {
  readonly #begin: (queue: string | undefined) => Step;
  #queue: string | undefined;
  #step: Step | undefined;
  #error: unknown;

  constructor(begin: (queue: string | undefined) => Step) {
    this.#begin = begin;
  }

  get metadata(): string | undefined {
    return this.#step?.metadata;
  }

  run<T>(fn: () => T): T {
    return this.#step === undefined ? fn() : this.#step.run(fn);
  }

  setSpanOnContext(context: Context): Context {
    this.#step ??= this.#begin(this.#queue);
    return context.setValue(SPAN, this);
  }

  setAttribute(name: string, value: unknown): void {
    this.setAttributes({ [name]: value });
  }

  setAttributes(attributes: object): void {
    const known: Attributes = {};
    for (const [name, value] of Object.entries(attributes)) {
      const renamed = ATTRIBUTES.get(name);
      if (renamed !== undefined && value !== undefined) known[renamed] = value as AttributeValue;
      // Flows of several queues have an empty one.
      if (name === 'bullmq.queue.name') this.#queue = value || undefined;
    }
    this.#step?.describe?.(known);
  }

  addEvent(name: string, attributes: { readonly [name: string]: unknown } = {}): void {
    if (name === 'job failed') this.#error = attributes['bullmq.job.failed.reason'] ?? name;
    // An earlier failure was retried.
    if (name === 'job completed') this.#error = undefined;
  }

  recordException(exception: unknown): void {
    this.#error = exception;
  }

  end(): void {
    this.#step?.end?.(this.#error);
  }
}
