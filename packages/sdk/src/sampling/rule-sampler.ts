import type { Attributes, Context, Link, SpanKind } from '@opentelemetry/api';
import type { Sampler, SamplingResult } from '@opentelemetry/sdk-trace';

interface Rule {
  readonly matches: (name: string, attributes: Attributes) => boolean;
  readonly sampler: Sampler;
}

/** Lets the sampler of the first rule that matches the span decide, and another one if no rule matches. */
export class RuleSampler implements Sampler {
  readonly #rules: readonly Rule[];
  readonly #otherwise: Sampler;

  constructor(rules: readonly Rule[], otherwise: Sampler) {
    this.#rules = rules;
    this.#otherwise = otherwise;
  }

  shouldSample(
    context: Context,
    traceId: string,
    name: string,
    kind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): SamplingResult {
    const rule = this.#rules.find(({ matches }) => matches(name, attributes));
    return (rule?.sampler ?? this.#otherwise).shouldSample(context, traceId, name, kind, attributes, links);
  }

  toString(): string {
    return `Rules{${this.#rules.map(({ sampler }) => sampler.toString()).join(', ')}, otherwise=${this.#otherwise}}`;
  }
}
