import type { Attributes, Context, Link, SpanKind } from '@opentelemetry/api';
import { AlwaysOnSampler, type Sampler, type SamplingResult } from '@opentelemetry/sdk-trace';
import { isSamplingDeferred } from '@throughline/propagators';

/**
 * Samples children of remote parents that arrived as sampled, but lets another sampler decide if the caller left the
 * decision open.
 *
 * `SpanContext` has no third state, so an open decision arrives as sampled.
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
