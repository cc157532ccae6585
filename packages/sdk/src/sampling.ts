import type { Attributes } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import { Scope } from '@throughline/core/seam';
import { DeferredDecisionSampler } from './deferred-decision-sampler.ts';
import type { EnvironmentReader } from './environment-reader.ts';
import { RateLimitedSampler } from './rate-limited-sampler.ts';
import { matchesRoute } from './route-pattern.ts';
import { RuleSampler } from './rule-sampler.ts';
import { SCOPE, setupError } from './setup-error.ts';

/** How many of the traces that begin here are recorded. */
interface SamplingShare {
  /** From 0, none, to 1, all. Decided by the trace id, so that services with the same ratio agree. Default: 1. */
  readonly ratio?: number;
  /** At most so many per second, after the ratio; that many may come at once. Default: no limit. */
  readonly perSecond?: number;
}

/**
 * Which traces that begin here are recorded.
 *
 * A caller's decision is always kept: a request that arrives with a trace is recorded exactly when that trace is.
 */
export interface SamplingOptions extends SamplingShare {
  /** Exceptions; the first whose conditions all hold decides. */
  readonly rules?: readonly SamplingRule[];
}

/** An exception for some spans. What is compared is what is known when the span starts. */
export interface SamplingRule extends SamplingShare {
  /**
   * `http.route` where the framework knows it that early, else `url.path`, must match: `/health`, `/users/:id` for one
   * segment, `/static/*` for any rest.
   */
  readonly route?: string;
  /** The span's name at its start must be this one. */
  readonly name?: string;
  /** Each attribute must have this value: `{ 'http.request.method': 'OPTIONS' }`. */
  readonly attributes?: Attributes;
}

const SHARE_RULES = {
  ratio: [(value: unknown) => typeof value === 'number' && value >= 0 && value <= 1, 'a number from 0 to 1'],
  perSecond: [
    (value: unknown) => typeof value === 'number' && value > 0 && Number.isFinite(value),
    'a number greater than 0',
  ],
} as const;

/** @throws TypeError for what is wrong in `options.sampling`. */
export function checkSampling(sampling: SamplingOptions): void {
  const within = (place: string) => new Scope(SCOPE.package, `${SCOPE.entry} ${place}`);
  within('sampling').check(sampling, { ...SHARE_RULES, rules: [Array.isArray, 'an array of rules'] });
  for (const [i, rule] of (sampling.rules ?? []).entries()) {
    within(`sampling.rules[${i}]`).check(rule, {
      ...SHARE_RULES,
      route: [(value) => typeof value === 'string' && value.startsWith('/'), 'a pattern that begins with /'],
      name: [(value) => typeof value === 'string' && value !== '', 'a text'],
      attributes: [(value) => typeof value === 'object' && value !== null, 'an object'],
    });
    if (rule.route === undefined && rule.name === undefined && rule.attributes === undefined)
      throw setupError(
        `sampling.rules[${i}] needs a route, a name or attributes; a rule for everything is the sampling itself`,
      );
  }
}

/** The sampler for `options.sampling`. */
export function samplerFor(sampling: SamplingOptions): Sampler {
  const otherwise = shareOf(sampling);
  const rules = (sampling.rules ?? []).map((rule) => ({
    matches: (name: string, attributes: Attributes) =>
      (rule.name === undefined || rule.name === name) &&
      (rule.route === undefined ||
        matchesRoute(rule.route, attributes['http.route'] ?? attributes['url.path'])) &&
      Object.entries(rule.attributes ?? {}).every(([key, value]) => attributes[key] === value),
    sampler: shareOf(rule),
  }));
  return parentBased(rules.length > 0 ? new RuleSampler(rules, otherwise) : otherwise);
}

/**
 * Keeps the decision of a parent, and asks `root` where there is none: at the beginning of a trace, and when the caller
 * left the decision to the receiver (B3 without a state, X-Ray without `Sampled`).
 */
function parentBased(root: Sampler): Sampler {
  return new ParentBasedSampler({ root, remoteParentSampled: new DeferredDecisionSampler(root) });
}

function shareOf({ ratio = 1, perSecond }: SamplingShare): Sampler {
  const sampler = ratio === 1 ? new AlwaysOnSampler() : new TraceIdRatioBasedSampler(ratio);
  return perSecond === undefined ? sampler : new RateLimitedSampler(sampler, perSecond);
}

const named = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (ratio: number) => new TraceIdRatioBasedSampler(ratio),
  parentbased_always_on: () => parentBased(new AlwaysOnSampler()),
  parentbased_always_off: () => parentBased(new AlwaysOffSampler()),
  parentbased_traceidratio: (ratio: number) => parentBased(new TraceIdRatioBasedSampler(ratio)),
} as const satisfies Record<string, (ratio: number) => Sampler>;

const ARGUMENT = 'OTEL_TRACES_SAMPLER_ARG';

/** The sampler that the environment names; without one the specification's default is in force. */
export function readSampler(read: EnvironmentReader, hints: string[]): Sampler {
  const name = read.choice('OTEL_TRACES_SAMPLER', Object.keys(named) as (keyof typeof named)[]);
  const takesRatio = name?.endsWith('traceidratio') === true;
  const wrong = name === undefined && read.text('OTEL_TRACES_SAMPLER') !== undefined;
  if (!takesRatio && !wrong && read.text(ARGUMENT) !== undefined)
    hints.push(
      `${ARGUMENT} has no effect without OTEL_TRACES_SAMPLER=parentbased_traceidratio or traceidratio.`,
    );
  return named[name ?? 'parentbased_always_on']((takesRatio ? read.ratio(ARGUMENT) : undefined) ?? 1);
}
