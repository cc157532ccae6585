import type { BullMQSpan, BullMQTelemetry } from '@throughline/messaging/bullmq';

export interface FakeJob {
  id: string;
  name: string;
  queueName: string;
  timestamp: number;
  data: unknown;
  attemptsMade: number;
  opts: { attempts?: number; telemetry?: { metadata?: string; omitContext?: boolean } };
}

type Processor = (job: FakeJob) => unknown;

const KIND = { INTERNAL: 0, PRODUCER: 3, CONSUMER: 4 };

/** A queue with its worker that calls the telemetry as BullMQ 6.7 does, in the same order; there is no Redis. */
export class FakeBullMQ {
  readonly jobs: FakeJob[] = [];
  failure: Error | undefined;
  readonly #telemetry: BullMQTelemetry;
  #processor: Processor | undefined;
  #added = 0;

  constructor(telemetry: BullMQTelemetry) {
    this.#telemetry = telemetry;
  }

  add(name: string, data: unknown, opts: FakeJob['opts'] = {}, id?: string): Promise<FakeJob> {
    return this.#trace(KIND.PRODUCER, 'add', `mail.${name}`, async (span, metadata) => {
      const telemetry = metadata && !opts.telemetry?.omitContext ? { metadata } : opts.telemetry;
      if (this.failure) throw this.failure;
      const job = this.plant(name, data, { ...opts, ...(telemetry && { telemetry }) }, id);
      span.setAttributes({ 'bullmq.job.name': name, 'bullmq.job.id': job.id });
      return job;
    });
  }

  addBulk(names: readonly string[]): Promise<FakeJob[]> {
    return this.#trace(KIND.PRODUCER, 'addBulk', 'mail', async (span, metadata) => {
      span.setAttributes({ 'bullmq.job.bulk.names': names, 'bullmq.job.bulk.count': names.length });
      return names.map((name) =>
        this.plant(name, 'secret', { telemetry: { ...(metadata && { metadata }) } }),
      );
    });
  }

  addFlow(parent: string, child: string): Promise<unknown> {
    const node = (name: string, more: () => Promise<unknown>) =>
      this.#trace(KIND.PRODUCER, 'addNode', 'mail', async (span, metadata) => {
        span.setAttributes({ 'bullmq.job.name': name, 'bullmq.job.id': name });
        await more();
        return this.plant(name, 'secret', { telemetry: { ...(metadata && { metadata }) } }, name);
      });
    return this.#trace(KIND.PRODUCER, 'addFlow', 'mail', async (_span) =>
      node(parent, () => node(child, async () => {})),
    );
  }

  /** Upkeep, which tells of the data of a job. */
  updateJobProgress(progress: unknown): Promise<unknown> {
    return this.#trace(KIND.INTERNAL, 'updateJobProgress', 'mail', async (span) =>
      span.setAttributes({ 'bullmq.job.progress': JSON.stringify(progress) }),
    );
  }

  async getNextJob(): Promise<FakeJob | undefined> {
    const job = this.jobs.shift();
    const fetched = async (_span: BullMQSpan) => job;
    return this.#trace(KIND.INTERNAL, 'getNextJob', 'mail', fetched, job?.opts.telemetry?.metadata);
  }

  /** A job that somebody else added. */
  plant(name: string, data: unknown, opts: FakeJob['opts'] = {}, id = String(++this.#added)): FakeJob {
    const job = { id, name, queueName: 'mail', timestamp: Date.now(), data, attemptsMade: 0, opts };
    this.jobs.push(job);
    if (this.#processor) queueMicrotask(() => this.work());
    return job;
  }

  /** A worker that processes each job from now on. */
  process(processor: Processor): void {
    this.#processor = processor;
    this.work();
  }

  work(): void {
    for (const job of this.jobs.splice(0)) void this.#process(job);
  }

  /** As `Worker.processJob`. */
  async #process(job: FakeJob): Promise<void> {
    await this.#trace(
      KIND.CONSUMER,
      'process',
      'mail',
      async (span) => {
        span.setAttributes({
          'bullmq.worker.id': 'w1',
          'bullmq.worker.name': undefined,
          'bullmq.job.id': job.id,
          'bullmq.job.name': job.name,
        });
        try {
          const result = await this.#processor?.(job);
          await this.#trace(KIND.INTERNAL, 'complete', 'mail', async (settling) =>
            settling.setAttributes({ 'bullmq.job.id': job.id }),
          );
          span.addEvent('job completed', { 'bullmq.job.result': JSON.stringify(result) });
        } catch (error) {
          await this.#fail(job);
          span.addEvent('job failed', { 'bullmq.job.failed.reason': (error as Error).message });
        }
        span.setAttributes({ 'bullmq.job.attempts.made': job.attemptsMade });
      },
      job.opts.telemetry?.metadata,
    );
  }

  #fail(job: FakeJob): Promise<void> {
    job.attemptsMade++;
    const again = job.attemptsMade < (job.opts.attempts ?? 1);
    return this.#trace(KIND.INTERNAL, again ? 'retry' : 'fail', 'mail', async (span, metadata) => {
      span.setAttributes({ 'bullmq.job.name': job.name, 'bullmq.job.id': job.id });
      if (metadata) job.opts = { ...job.opts, telemetry: { metadata } };
      if (again) this.jobs.push(job);
      if (again) queueMicrotask(() => this.work());
    });
  }

  /** As BullMQ's function of that name. */
  async #trace<T>(
    kind: number,
    operation: string,
    destination: string,
    callback: (span: BullMQSpan, metadata?: string) => Promise<T>,
    source?: string,
  ): Promise<T> {
    const { tracer, contextManager } = this.#telemetry;
    const current = contextManager.active();
    const parent = source ? contextManager.fromMetadata(current, source) : undefined;
    const span = tracer.startSpan(`${operation} ${destination}`, { kind }, parent);
    try {
      span.setAttributes({ 'bullmq.queue.name': 'mail', 'bullmq.queue.operation': operation });
      const context = span.setSpanOnContext((kind === KIND.CONSUMER && parent) || current);
      const metadata = callback.length === 2 ? contextManager.getMetadata(context) : undefined;
      return await contextManager.with(context, () => callback(span, metadata));
    } catch (error) {
      span.recordException(error);
      throw error;
    } finally {
      span.end();
    }
  }
}
