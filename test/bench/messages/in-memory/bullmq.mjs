import { later } from './double.mjs';

const INTERNAL = 0;
const PRODUCER = 3;
const CONSUMER = 4;

/** Calls the telemetry as BullMQ does around an operation, in the same order. */
async function traced({ telemetry, kind, operation, source }, fn) {
  if (telemetry === undefined) return fn();
  const { tracer, contextManager } = telemetry;
  const current = contextManager.active();
  const parent = source && contextManager.fromMetadata(current, source);
  const span = tracer.startSpan(`${operation} mail`, { kind }, parent);
  try {
    span.setAttributes({ 'bullmq.queue.name': 'mail', 'bullmq.queue.operation': operation });
    const context = span.setSpanOnContext(kind === CONSUMER && parent ? parent : current);
    const metadata = fn.length === 2 ? contextManager.getMetadata(context) : undefined;
    return await contextManager.with(context, () => fn(span, metadata));
  } finally {
    span.end();
  }
}

/** A queue with a worker: adds a job, processes it and completes it. */
export default {
  async connect({ trace, telemetry = trace?.createTelemetry() }) {
    let processor;
    let added = 0;
    const work = (job) =>
      traced(
        { telemetry, kind: CONSUMER, operation: 'process', source: job.opts.telemetry?.metadata },
        async (span) => {
          span?.setAttributes({
            'bullmq.worker.id': 'w1',
            'bullmq.worker.name': undefined,
            'bullmq.job.id': job.id,
            'bullmq.job.name': job.name,
          });
          await processor(job);
          await traced({ telemetry, kind: INTERNAL, operation: 'complete' }, async (settling) =>
            settling?.setAttributes({ 'bullmq.job.id': job.id }),
          );
          span?.addEvent('job completed', { 'bullmq.job.result': 'null' });
          span?.setAttributes({ 'bullmq.job.attempts.made': 0 });
        },
      );
    return {
      send: (body) =>
        traced({ telemetry, kind: PRODUCER, operation: 'add' }, async (span, metadata) => {
          const job = {
            id: `${++added}`,
            name: 'job',
            data: body,
            opts: metadata ? { telemetry: { metadata } } : {},
          };
          span?.setAttributes({ 'bullmq.job.name': 'job', 'bullmq.job.id': job.id });
          later(() => work(job));
        }),
      async consume(handler) {
        processor = handler;
      },
    };
  },
};
