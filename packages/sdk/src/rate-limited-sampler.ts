import type { Attributes, Context, Link, SpanKind } from '@opentelemetry/api';
import { type Sampler, SamplingDecision, type SamplingResult } from '@opentelemetry/sdk-trace';

/**
 * Lets another sampler decide, and takes back what exceeds a rate.
 *
 * A bucket of permits, as large as the rate (and never smaller than one), fills steadily: short bursts are recorded
 * whole, and over any longer time the rate holds.
 */
export class RateLimitedSampler implements Sampler {
  readonly #sampler: Sampler;
  readonly #perSecond: number;
  readonly #capacity: number;
  #permits: number;
  #filledAt = performance.now();

  constructor(sampler: Sampler, perSecond: number) {
    this.#sampler = sampler;
    this.#perSecond = perSecond;
    this.#capacity = Math.max(1, perSecond);
    this.#permits = this.#capacity;
  }

  shouldSample(
    context: Context,
    traceId: string,
    name: string,
    kind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): SamplingResult {
    const result = this.#sampler.shouldSample(context, traceId, name, kind, attributes, links);
    if (result.decision !== SamplingDecision.RECORD_AND_SAMPLED || this.#takePermit()) return result;
    return { decision: SamplingDecision.NOT_RECORD };
  }

  #takePermit(): boolean {
    const now = performance.now();
    const gained = ((now - this.#filledAt) / 1000) * this.#perSecond;
    this.#permits = Math.min(this.#capacity, this.#permits + gained);
    this.#filledAt = now;
    if (this.#permits < 1) return false;
    this.#permits -= 1;
    return true;
  }

  toString(): string {
    return `RateLimited{${this.#perSecond}/s, ${this.#sampler}}`;
  }
}
