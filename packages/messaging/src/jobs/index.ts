import type { TextMapPropagator } from '@opentelemetry/api';
import { extractContext, type InjectOptions, injectContext, runInContext } from '@throughline/core';
import { Scope } from '@throughline/core/seam';
import { headersCodec } from '../verbs/carrier-codec.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { createMessagingTracer, type MessagingTracer } from '../verbs/messaging-tracer.ts';

export type { Message } from '../verbs/message.ts';
export type { MessagingOptions, Relation } from '../verbs/messaging-options.ts';
export type { MessagingTracer } from '../verbs/messaging-tracer.ts';

/**
 * A context as plain data, for `JSON.stringify` and similar functions: `{ traceparent: '00-…', baggage: 'tenant=a'
 * }`.
 */
export type SerializedContext = { readonly [name: string]: unknown };

/**
 * Returns the active context as plain data, to be stored in a job: the fields of the propagator by their names.
 *
 * Returns an empty object if no trace is active. Never throws.
 *
 * @example
 * await queue.add({ to: 'ann@example.org', trace: serializeContext() });
 */
export function serializeContext(options: InjectOptions = {}): SerializedContext {
  return injectContext<Record<string, unknown>>({}, options);
}

/**
 * Runs `fn` in the context that was stored in a job, and returns or throws what `fn` does.
 *
 * It starts no span: a span that `fn` starts continues the trace of the job. {@link createJobTracer} makes spans of
 * jobs, and links instead of continuing. The context that is active around the call, the worker's own, has no
 * influence. If `serialized` is not a context, `fn` runs in no trace.
 *
 * @param propagator Default: the registered one; without any, the W3C fields are passed on to what `fn` calls.
 * @example
 * queue.process((job) => runWithSerializedContext(job.data.trace, () => send(job.data)));
 */
export function runWithSerializedContext<T>(
  serialized: unknown,
  fn: () => T,
  { propagator }: { readonly propagator?: TextMapPropagator | undefined } = {},
): T {
  return runInContext(extractContext(serialized as SerializedContext, propagator), fn);
}

/**
 * Returns the verbs `send` and `process` for a job queue that has no module in this package, with spans and
 * measurements by the messaging conventions.
 *
 * A job's carrier is a {@link SerializedContext}, stored in any part of the job that the queue keeps. A worker calls
 * its processors by itself, so pass `ambient: ROOT_CONTEXT` to `process` if it was started inside a span.
 *
 * @param system Value of `messaging.system.name`: `bull`.
 * @throws TypeError when an option has the wrong type. Never throws after set-up.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 * @example
 * const jobs = createJobTracer('bull', { maxAge: 60_000 });
 * await jobs.send({ destination: 'mail', carrier: undefined }, (trace) => queue.add({ to, trace }));
 * queue.process((job) => {
 *   const { id, timestamp } = job;
 *   const message = { destination: 'mail', carrier: job.data.trace, messageId: String(id), timestamp };
 *   return jobs.process(message, () => send(job.data));
 * });
 */
export function createJobTracer(
  system: string,
  options: MessagingOptions = {},
): MessagingTracer<SerializedContext> {
  const scope = new Scope('messaging', 'createJobTracer()');
  return createMessagingTracer({ system, codec: headersCodec }, options, scope);
}
