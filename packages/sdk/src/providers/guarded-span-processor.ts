import type { Context } from '@opentelemetry/api';
import type { ReadableSpan, Span, SpanProcessor } from '@opentelemetry/sdk-trace';
import { notice } from '../reports/notice.ts';

/**
 * Contains the faults of a span processor: one of the application's, or one that writes to an output that the
 * application may have replaced.
 *
 * The SDK calls processors inside `startSpan()` and `end()`. What one throws would reach the code that starts a span, and
 * the remaining processors would not be called. The first fault of each method is reported, including a rejection.
 */
export class GuardedSpanProcessor implements SpanProcessor {
  readonly #processor: SpanProcessor;
  readonly #reported = new Set<string>();

  constructor(processor: SpanProcessor) {
    this.#processor = processor;
  }

  onStart(span: Span, context: Context): void {
    try {
      this.#watch('onStart', this.#processor.onStart(span, context));
    } catch (error) {
      this.#report('onStart', error);
    }
  }

  onEnding(span: Span): void {
    try {
      this.#watch('onEnding', this.#processor.onEnding?.(span));
    } catch (error) {
      this.#report('onEnding', error);
    }
  }

  onEnd(span: ReadableSpan): void {
    try {
      this.#watch('onEnd', this.#processor.onEnd(span));
    } catch (error) {
      this.#report('onEnd', error);
    }
  }

  /** Never rejects. */
  async forceFlush(): Promise<void> {
    try {
      await this.#processor.forceFlush?.();
    } catch (error) {
      this.#report('forceFlush', error);
    }
  }

  /** Never rejects. */
  async shutdown(): Promise<void> {
    try {
      await this.#processor.shutdown?.();
    } catch (error) {
      this.#report('shutdown', error);
    }
  }

  /** Handles the rejection of an async method, which would otherwise end the process. */
  #watch(method: string, result: unknown): void {
    if (typeof result !== 'object' || result === null) return;
    Promise.resolve(result).catch((error: unknown) => this.#report(method, error));
  }

  #report(method: string, error: unknown): void {
    if (this.#reported.has(method)) return;
    this.#reported.add(method);
    notice(`a span processor failed in ${method}(), which is reported once: ${reasonOf(error)}`);
  }
}

/** Returns the error as text, even if reading it throws. */
function reasonOf(error: unknown): string {
  try {
    return String(error).replace(/\s+/g, ' ');
  } catch {
    return 'what it threw cannot be read';
  }
}
