import { context } from '@opentelemetry/api';
import { type IdGenerator, RandomIdGenerator } from '@opentelemetry/sdk-trace';
import { rootTraceId } from '@throughline/propagators';

/** Generates random ids, except for the root of a trace whose id the caller chose without a span of its own. */
export class TraceIdGenerator implements IdGenerator {
  readonly #random = new RandomIdGenerator();

  generateTraceId(): string {
    return rootTraceId(context.active()) ?? this.#random.generateTraceId();
  }

  generateSpanId(): string {
    return this.#random.generateSpanId();
  }
}
