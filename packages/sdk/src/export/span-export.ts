import { TraceFlags } from '@opentelemetry/api';
import {
  BatchSpanProcessor,
  type BatchSpanProcessorOptions,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace';
import { MAX_DELAY } from '../settings/environment-reader.ts';
import { type Done, FAILED } from './pending-exports.ts';

/** Limits of the queue: sizes in spans, times in milliseconds. */
export interface BatchLimits {
  readonly maxQueueSize: number;
  readonly maxExportBatchSize: number;
  readonly scheduledDelayMillis: number;
  readonly exportTimeoutMillis: number;
}

/** What became of the sampled spans that ended. The sum is their number. */
export interface SpanCounts {
  /** Waiting for their batch. */
  readonly queued: number;
  /** Passed to the exporter, which has not answered yet. */
  readonly exporting: number;
  /** Accepted by the receiver. */
  readonly exported: number;
  /** Lost because the exporter gave up on them. */
  readonly failed: number;
  /** Lost because the queue was full, or because they ended after the shutdown. */
  readonly dropped: number;
}

export const NO_SPANS: SpanCounts = { queued: 0, exporting: 0, exported: 0, failed: 0, dropped: 0 };

/** Receives the result of each export, and whether it was the last. */
export interface ExportObserver {
  succeeded(): void;
  failed(error: Error, last: boolean): void;
}

/** `ExportResultCode.SUCCESS` of `@opentelemetry/core`, which this package does not depend on. */
const SUCCESS = 0;

/**
 * The SDK's batch processor, with a count of every span.
 *
 * The processor does not report how many spans it dropped, and its flush does not wait for a batch that is already being
 * sent. Both are observed from outside: spans that go in, and spans that reach the exporter.
 */
export class SpanExport implements SpanProcessor {
  readonly #batch: BatchSpanProcessor;
  readonly #exporter: SpanExporter;
  readonly #capacity: number;
  readonly #observer: ExportObserver;
  readonly #counts = { queued: 0, exporting: 0, exported: 0, failed: 0, dropped: 0 };
  #ended = false;

  constructor(
    exporter: SpanExporter,
    options: BatchLimits & Pick<BatchSpanProcessorOptions, 'selfObsMeterProvider'>,
    observer: ExportObserver,
  ) {
    this.#exporter = exporter;
    this.#capacity = options.maxQueueSize;
    this.#observer = observer;
    this.#batch = new BatchSpanProcessor({
      ...options,
      // Our exporter always answers in time, and only its answer says what became of the spans. So the processor must wait.
      exportTimeoutMillis: MAX_DELAY,
      exporter: {
        export: (spans, done) => this.#export(spans, done),
        shutdown: () => exporter.shutdown(),
      },
    });
  }

  get counts(): SpanCounts {
    return { ...this.#counts };
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
    // The batch processor's own rule. Counted before the span is added, because that may start an export at once.
    if (this.#ended || this.#counts.queued >= this.#capacity) this.#counts.dropped++;
    else this.#counts.queued++;
    this.#batch.onEnd(span);
  }

  /** Settles when every span that had ended was sent or lost. The counts say which. */
  async forceFlush(): Promise<void> {
    await Promise.allSettled([this.#batch.forceFlush()]);
    await Promise.allSettled([this.#exporter.forceFlush?.()]);
  }

  async shutdown(): Promise<void> {
    this.#ended = true;
    await Promise.allSettled([this.#batch.shutdown()]);
    await Promise.allSettled([this.#exporter.forceFlush?.()]);
  }

  #export(spans: ReadableSpan[], done: Done): void {
    const { length } = spans;
    this.#counts.queued -= length;
    this.#counts.exporting += length;
    const settle: Done = (result) => {
      const success = result.code === SUCCESS;
      this.#counts.exporting -= length;
      this.#counts[success ? 'exported' : 'failed'] += length;
      if (success) this.#observer.succeeded();
      else this.#observer.failed(result.error ?? new Error('the exporter gave no reason'), this.#ended);
      // A failure reaches the processor as an error with the code of a success. On the code of a failure, it would start a
      // second export beside the next one, and after some failures there would be many, each with a batch in memory.
      done({ ...result, code: SUCCESS });
    };
    try {
      this.#exporter.export(spans, settle);
    } catch (error) {
      settle({ code: FAILED, error: error instanceof Error ? error : new Error(String(error)) });
    }
  }
}
