import { type Context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { activeContext, runInContext } from '@throughline/core';
import { contextWith, Scope } from '@throughline/core/seam';
import { headersCodec } from '../verbs/carrier-codec.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { createMessagingTracer } from '../verbs/messaging-tracer.ts';
import { tracedHandler } from '../wrapping/traced-handler.ts';
import { type BullMQSpan, JobSpan, spanIn } from './job-span.ts';
import { type BullMQJob, fetched, isScheduled } from './steps.ts';

export type { MessagingOptions, Relation } from '../verbs/messaging-options.ts';
export { type BullMQFlowProducer, traceFlowProducer } from './trace-flow-producer.ts';
export type { BullMQJob, BullMQSpan };

/** Keeps a job's metadata between two calls of BullMQ. */
const METADATA = createContextKey('Throughline BullMQ metadata');

/** BullMQ's interface `Telemetry`, of versions 5 and 6. */
export interface BullMQTelemetry {
  readonly tracer: {
    startSpan(name: string, options?: { readonly kind?: number }, context?: Context): BullMQSpan;
  };
  readonly contextManager: {
    // biome-ignore lint/suspicious/noExplicitAny: BullMQ's own signature
    with<A extends (...args: any[]) => any>(context: Context, fn: A): ReturnType<A>;
    active(): Context;
    root(): Context;
    getMetadata(context: Context): string;
    fromMetadata(active: Context, metadata: string): Context;
  };
}

/**
 * Returns the telemetry for BullMQ's queues, workers and flow producers. Jobs that they add carry the active context,
 * and a processor runs in the context of its job.
 *
 * Spans record what happens to jobs: adding, processing, fetching by hand, and completing, failing or retrying. The
 * upkeep of a queue and of a worker (locks, stalled jobs, pause, drain, …) is not recorded. Job data, results and
 * progress are never recorded. A failed attempt has the status ERROR; `error.type` is `_OTHER`, because BullMQ
 * reports only the error's message. A retry carries the context of the job it retries, so that attempts are siblings.
 * Jobs of a job scheduler all carry the context in which the scheduler was set up: with `auto`, each starts a trace
 * of its own that is linked to it. `maxAge` counts from when the job was added.
 *
 * It is an object that BullMQ calls, not a wrapped client: BullMQ starts, describes and ends a span in separate
 * calls, and activates the context before it says which job it is for.
 *
 * @throws TypeError when an option has the wrong type. Never throws after set-up.
 * @see https://docs.bullmq.io/guide/telemetry
 * @example
 * const telemetry = createTelemetry();
 * const queue = new Queue('mail', { connection, telemetry });
 * const worker = new Worker('mail', async (job) => send(job.data), { connection, telemetry });
 */
export function createTelemetry(options: MessagingOptions = {}): BullMQTelemetry {
  const tracer = bullmqTracer(options, 'createTelemetry()');
  return {
    tracer: {
      startSpan(name, _options, context) {
        const blank = name.indexOf(' ');
        const operationName = blank === -1 ? name : name.slice(0, blank);
        const metadata = context?.getValue(METADATA) as string | undefined;
        return new JobSpan(tracer, operationName, metadata);
      },
    },
    contextManager: {
      with(context, fn) {
        const span = spanIn(context);
        return span === undefined ? runInContext(context, fn) : span.run(fn);
      },
      active: activeContext,
      root: () => ROOT_CONTEXT,
      getMetadata: (context) => spanIn(context)?.metadata ?? '',
      fromMetadata: (active, metadata) => contextWith(active, METADATA, metadata),
    },
  };
}

/**
 * Returns a traced processor. Each call runs in the span that processes its job. Use it for sandboxed processors,
 * which run in a process of their own, and for jobs from `worker.getNextJob`.
 *
 * A sandbox needs an SDK of its own. Give its worker no `telemetry`, or each job gets two process spans.
 *
 * @throws TypeError when an option has the wrong type. After set-up, only the processor itself throws.
 * @example
 * export default traceProcessor(async (job) => send(job.data));
 */
export function traceProcessor<J extends BullMQJob, Rest extends unknown[], R>(
  processor: (job: J, ...rest: Rest) => R,
  options: MessagingOptions = {},
): (job: J, ...rest: Rest) => R {
  const tracer = bullmqTracer(options, 'traceProcessor()');
  return tracedHandler(processor, (job, call) =>
    tracer.process(fetched(job), () => call(job), { received: true, repeats: isScheduled(job.id) }),
  );
}

const bullmqTracer = (options: MessagingOptions, entry: string) =>
  createMessagingTracer(
    { system: 'bullmq', codec: headersCodec, destinations: 'administered' },
    options,
    new Scope('messaging', entry),
  );
