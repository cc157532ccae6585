import { type Attributes, type AttributeValue, type Context, createContextKey } from '@opentelemetry/api';
import { contextWith } from '@throughline/core/seam';
import type { MessageHeaders } from '../verbs/carrier-codec.ts';
import type { MessagingTracer } from '../verbs/messaging-tracer.ts';
import { BATCH_COUNT, MESSAGE_ID, STEPS, type Step, untraced } from './steps.ts';

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
  readonly #tracer: MessagingTracer<MessageHeaders>;
  readonly #operationName: string;
  readonly #received: string | undefined;
  #queue: string | undefined;
  #step: Step | undefined;
  #error: unknown;

  /** @param received The metadata that the job carries. */
  constructor(tracer: MessagingTracer<MessageHeaders>, operationName: string, received: string | undefined) {
    this.#tracer = tracer;
    this.#operationName = operationName;
    this.#received = received;
  }

  get metadata(): string | undefined {
    return this.#step?.metadata;
  }

  run<T>(fn: () => T): T {
    return this.#step === undefined ? fn() : this.#step.run(fn);
  }

  setSpanOnContext(context: Context): Context {
    this.#step ??= this.#begin();
    return contextWith(context, SPAN, this);
  }

  #begin(): Step {
    const operationName = this.#operationName;
    const begin = STEPS.get(operationName) ?? untraced;
    const target = { operationName, destination: this.#queue };
    return begin({ tracer: this.#tracer, metadata: this.#received, target });
  }

  setAttribute(name: string, value: unknown): void {
    this.setAttributes({ [name]: value });
  }

  setAttributes(attributes: { readonly [name: string]: unknown }): void {
    let known: Attributes | undefined;
    for (const name in attributes) {
      const value = attributes[name];
      const renamed = ATTRIBUTES.get(name);
      if (renamed !== undefined && value !== undefined) {
        known ??= {};
        known[renamed] = value as AttributeValue;
      }
      // Flows of several queues have an empty one.
      if (name === 'bullmq.queue.name') this.#queue = (value as string) || undefined;
    }
    if (known !== undefined) this.#step?.describe?.(known);
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
