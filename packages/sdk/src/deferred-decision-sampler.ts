import type { Attributes, Context, Link, SpanKind } from '@opentelemetry/api';
import { AlwaysOnSampler, type Sampler, type SamplingResult } from '@opentelemetry/sdk-trace';
import { isSamplingDeferred } from '@throughline/propagators';

/**
 * For remote parents that came in as sampled: records, and asks another sampler when the caller decided nothing.
 *
 * `SpanContext` has no third state, so that an open decision comes in as sampled.
 */
export class DeferredDecisionSampler implements Sampler {
  readonly #decided = new AlwaysOnSampler();
  readonly #open: Sampler;

  constructor(open: Sampler) {
    this.#open = open;
  }

  shouldSample(
    context: Context,
    traceId: string,
    name: string,
    kind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): SamplingResult {
    const sampler = isSamplingDeferred(context) ? this.#open : this.#decided;
    return sampler.shouldSample(context, traceId, name, kind, attributes, links);
  }

  toString(): string {
    return `DeferredDecision{${this.#open}}`;
  }
}
