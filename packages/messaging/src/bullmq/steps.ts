import { type Attributes, type Context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { activeContext, runInContext } from '@throughline/core';
import { type ServerOptions, serverOf } from '../redis-commands/server-of.ts';
import type { MessageHeaders } from '../verbs/carrier-codec.ts';
import type { Processing } from '../verbs/consuming.ts';
import type { Delivered, Message, MessagingTarget } from '../verbs/message.ts';
import type { MessagingTracer } from '../verbs/messaging-tracer.ts';
import type { Sending } from '../verbs/sending.ts';
import { LateContext } from './late-context.ts';

/** A job that BullMQ hands over, as used here. */
export interface BullMQJob {
  readonly id?: string | undefined;
  readonly name: string;
  readonly queueName: string;
  readonly timestamp: number;
  readonly opts: { readonly telemetry?: { readonly metadata?: string | undefined } | undefined };
}

/** One operation of BullMQ in progress. */
export interface Step {
  /** The metadata to put into the jobs. */
  readonly metadata?: string | undefined;
  run<T>(fn: () => T): T;
  describe?(attributes: Attributes): void;
  end?(error: unknown): void;
}

/** What a step starts with. */
export interface Start {
  readonly tracer: MessagingTracer<MessageHeaders>;
  readonly target: MessagingTarget;
  /** The metadata that the job carries. */
  readonly metadata: string | undefined;
}

export const MESSAGE_ID = 'messaging.message.id';
export const BATCH_COUNT = 'messaging.batch.message_count';

/** The job that is being processed. */
interface ActiveJob {
  readonly carrier: MessageHeaders | undefined;
  readonly delivery: Delivered;
  id: string | undefined;
  settled: boolean;
}

const ACTIVE_JOB = createContextKey('Throughline BullMQ active job');

const activeJob = () => activeContext().getValue(ACTIVE_JOB) as ActiveJob | undefined;

/** Returns an operation without a span. */
export const untraced = (): Step => UNTRACED;

const UNTRACED: Step = { run: (fn) => fn() };

const sends =
  (verb: 'startSend' | 'startCreate') =>
  ({ tracer, target }: Start): Step => {
    const start = () => tracer[verb]({ ...target, carrier: undefined });
    // A worker that has finished a job schedules the next job of another scheduler while the first is still active.
    return new SendStep(activeJob()?.settled ? runInContext(ROOT_CONTEXT, start) : start());
  };

class SendStep implements Step {
  readonly metadata: string | undefined;
  readonly #sending: Sending<MessageHeaders>;

  constructor(sending: Sending<MessageHeaders>) {
    const { carrier } = sending;
    this.#sending = sending;
    this.metadata = carrier && JSON.stringify({ ...carrier, timestamp: Date.now() });
  }

  run<T>(fn: () => T): T {
    return this.#sending.run(fn);
  }

  describe(attributes: Attributes): void {
    this.#sending.describe(attributes);
  }

  end(error: unknown): void {
    this.#sending.end(error);
  }
}

const sendsFlow = ({ tracer, target }: Start): Step => ({
  // The number of jobs in the flow is known only when all are created.
  run: (fn) => tracer.sendBatch({ ...target, messages: [], attributes: { [BATCH_COUNT]: undefined } }, fn),
});

const receives = ({ tracer, target }: Start): Step => ({
  run: (fn) => tracer.receive(target, fn, (job) => (job ? fetched(job as unknown as BullMQJob) : undefined)),
});

const settles = ({ tracer, target }: Start): Step => {
  const job = activeJob();
  return {
    // No metadata of its own: a job that is retried keeps the metadata that it was added with.
    run(fn) {
      if (job === undefined) return tracer.settle({ ...target, carrier: undefined }, fn);
      job.settled = true;
      const { carrier, delivery, id } = job;
      return tracer.settle({ ...target, carrier, delivery, messageId: id }, fn);
    },
  };
};

class ProcessStep implements Step {
  readonly #start: Start;
  readonly #job: ActiveJob;
  readonly #attributes: Attributes = {};
  readonly #context = new LateContext(() => this.#begin());
  #processing: Processing | undefined;

  constructor(start: Start) {
    this.#start = start;
    this.#job = { carrier: parsed(start.metadata), delivery: {}, id: undefined, settled: false };
  }

  #begin(): Context {
    const { tracer, target } = this.#start;
    const { carrier, delivery, id } = this.#job;
    const message: Message<MessageHeaders> = {
      ...target,
      carrier,
      delivery,
      messageId: id,
      timestamp: typeof carrier?.timestamp === 'number' ? carrier.timestamp : undefined,
      attributes: this.#attributes,
    };
    this.#processing = tracer.startProcess(message, { ambient: ROOT_CONTEXT, repeats: isScheduled(id) });
    return this.#processing.context.setValue(ACTIVE_JOB, this.#job);
  }

  run<T>(fn: () => T): T {
    return runInContext(this.#context, fn);
  }

  describe(found: Attributes): void {
    if (this.#processing !== undefined) {
      this.#processing.describe(found);
      return;
    }
    Object.assign(this.#attributes, found);
    const id = found[MESSAGE_ID];
    if (typeof id !== 'string') return;
    this.#job.id = id;
    this.#context.settle();
  }

  end(error: unknown): void {
    this.#context.settle();
    this.#processing?.end(error);
  }
}

const processes = (start: Start): Step => new ProcessStep(start);

/** What BullMQ does to jobs. Its other operations are upkeep. */
export const STEPS: ReadonlyMap<string, (start: Start) => Step> = new Map([
  ['add', sends('startSend')],
  ['addBulk', sends('startSend')],
  ['addNode', sends('startCreate')],
  ['addFlow', sendsFlow],
  ['addBulkFlows', sendsFlow],
  ['process', processes],
  ['getNextJob', receives],
  ['complete', settles],
  ['fail', settles],
  ['retry', settles],
  ['delay', settles],
]);

/** Whether a job belongs to a job scheduler, whose jobs all carry one context. */
export const isScheduled = (jobId: string | undefined) => jobId?.startsWith('repeat:') === true;

/** Returns a job as a message. */
export function fetched(job: BullMQJob): Message<MessageHeaders> {
  const carrier = parsed(job.opts.telemetry?.metadata);
  return {
    ...brokerOf(job),
    destination: job.queueName,
    carrier,
    messageId: job.id,
    timestamp: job.timestamp,
    attributes: { 'bullmq.job.name': job.name },
  };
}

/** Returns the Redis of the queue that a job belongs to, given to it as settings or as a client of ioredis. */
function brokerOf(job: object): MessagingTarget {
  // The cast: the queue is protected in BullMQ's types.
  const { queue } = job as { readonly queue?: { readonly opts?: { readonly connection?: ConnectedTo } } };
  const connection = queue?.opts?.connection;
  return serverOf(connection?.options ?? connection);
}

interface ConnectedTo extends ServerOptions {
  readonly options?: ServerOptions;
}

/**
 * Returns the metadata of a job. Metadata that cannot be read counts as absent, so that jobs from any producer are
 * processed.
 */
function parsed(metadata: string | undefined): MessageHeaders | undefined {
  try {
    const carrier: unknown = JSON.parse(metadata ?? '');
    return typeof carrier === 'object' && carrier !== null ? (carrier as MessageHeaders) : undefined;
  } catch {
    return undefined;
  }
}
