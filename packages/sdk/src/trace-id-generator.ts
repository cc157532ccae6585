import { context } from '@opentelemetry/api';
import { type IdGenerator, RandomIdGenerator } from '@opentelemetry/sdk-trace';
import { rootTraceId } from '@throughline/propagators';

/** Random ids, but for roots of traces that the caller named without a span of its own. */
export class TraceIdGenerator implements IdGenerator {
  readonly #random = new RandomIdGenerator();

  generateTraceId(): string {
    return rootTraceId(context.active()) ?? this.#random.generateTraceId();
  }

  generateSpanId(): string {
    return this.#random.generateSpanId();
  }
}
