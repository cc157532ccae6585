import { type Context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { activeContext, runInContext } from '@throughline/core';
import { Scope } from '@throughline/core/seam';
import { headersCodec } from '../verbs/carrier-codec.ts';
import type { MessagingOptions } from '../verbs/messaging-options.ts';
import { createMessagingTracer } from '../verbs/messaging-tracer.ts';
import { tracedHandler } from '../wrapping/traced-handler.ts';
import { type BullMQSpan, JobSpan, spanIn } from './job-span.ts';
import { type BullMQJob, fetched, isScheduled, STEPS, untraced } from './steps.ts';

export type { MessagingOptions, Relation } from '../verbs/messaging-options.ts';
export { type BullMQFlowProducer, traceFlowProducer } from './trace-flow-producer.ts';
export type { BullMQJob, BullMQSpan };

/** Where a job's metadata waits between BullMQ's two calls for it. */
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
 * The telemetry of BullMQ's queues, workers and flow producers: what they add carries the active context, and a
 * processor runs in the context of its job.
 *
 * Spans are made of what happens to jobs: adding, processing, fetching by hand, and completing, failing or retrying.
 * The upkeep of a queue and of a worker (locks, stalled jobs, pause, drain, …) makes none. Job data, results and
 * progress are never recorded. A failed attempt has the status ERROR; `error.type` is `_OTHER`, because BullMQ passes
 * the error's message only. A retry carries the context of the job it retries, so that attempts are siblings. Jobs of a
 * job scheduler all carry the context in which the scheduler was set up: with `auto`, each starts a trace of its own
 * that is linked to it. `maxAge` counts from when the job was added.
 *
 * It is an object that BullMQ calls, not a wrapped client: a span is begun, described and ended by calls of its own,
 * and the context is entered before BullMQ says which job it is for.
 *
 * @throws TypeError when an option has the wrong type. Nothing throws afterwards.
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
        const [operationName = name] = name.split(' ', 1);
        const begin = STEPS.get(operationName) ?? untraced;
        const metadata = context?.getValue(METADATA) as string | undefined;
        return new JobSpan((destination) =>
          begin({ tracer, metadata, target: { operationName, destination } }),
        );
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
      fromMetadata: (active, metadata) => active.setValue(METADATA, metadata),
    },
  };
}

/**
 * The processor, each call of it in the span that processes its job: for sandboxed processors, which run in a process
 * of their own, and for jobs from `worker.getNextJob`.
 *
 * A sandbox needs an SDK of its own. Its worker gets no `telemetry`, or each job has two spans that process it.
 *
 * @throws TypeError when an option has the wrong type. Nothing throws afterwards but what the processor throws.
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
