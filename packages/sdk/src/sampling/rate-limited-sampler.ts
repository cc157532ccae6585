import type { Attributes, Context, Link, SpanKind } from '@opentelemetry/api';
import { type Sampler, SamplingDecision, type SamplingResult } from '@opentelemetry/sdk-trace';
import { RateLimit } from '@throughline/core/seam';

/** Samples what another sampler samples, up to a number of traces per second. */
export class RateLimitedSampler implements Sampler {
  readonly #sampler: Sampler;
  readonly #perSecond: number;
  readonly #limit: RateLimit;

  constructor(sampler: Sampler, perSecond: number) {
    this.#sampler = sampler;
    this.#perSecond = perSecond;
    this.#limit = new RateLimit(perSecond);
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
    if (result.decision !== SamplingDecision.RECORD_AND_SAMPLED || this.#limit.take()) return result;
    return { decision: SamplingDecision.NOT_RECORD };
  }

  toString(): string {
    return `RateLimited{${this.#perSecond}/s, ${this.#sampler}}`;
  }
}
