import type { Attributes } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import { Scope } from '@throughline/core/seam';
import { SCOPE, setupError } from '../reports/setup-error.ts';
import type { EnvironmentReader } from '../settings/environment-reader.ts';
import { DeferredDecisionSampler } from './deferred-decision-sampler.ts';
import { RateLimitedSampler } from './rate-limited-sampler.ts';
import { matchesRoute } from './route-pattern.ts';
import { RuleSampler } from './rule-sampler.ts';

/** How many of the traces that begin here are recorded. */
interface SamplingShare {
  /** From 0, none, to 1, all. The trace id decides, so that services with the same ratio agree. Default: 1. */
  readonly ratio?: number;
  /** The maximum per second, after the ratio; that many may come at once. Default: no limit. */
  readonly perSecond?: number;
}

/**
 * Which traces that begin here are recorded.
 *
 * A caller's decision is always kept: a request that arrives with a trace is recorded if and only if that trace is.
 */
export interface SamplingOptions extends SamplingShare {
  /** Exceptions. The first whose conditions all hold decides. Default: none. */
  readonly rules?: readonly SamplingRule[];
}

/** An exception for some spans. Its conditions are compared with what is known when the span starts. */
export interface SamplingRule extends SamplingShare {
  /**
   * A pattern that must match `http.route` if the framework knows it that early, else `url.path`: `/health`, `/users/:id`
   * for one segment, `/static/*` for any rest. Absent: every span matches.
   */
  readonly route?: string;
  /** The name that the span must have at its start. Absent: any. */
  readonly name?: string;
  /** Values that the span's attributes must have: `{ 'http.request.method': 'OPTIONS' }`. Absent: any. */
  readonly attributes?: Attributes;
}

const SHARE_RULES = {
  ratio: [(value: unknown) => typeof value === 'number' && value >= 0 && value <= 1, 'a number from 0 to 1'],
  perSecond: [
    (value: unknown) => typeof value === 'number' && value > 0 && Number.isFinite(value),
    'a number greater than 0',
  ],
} as const;

/** @throws TypeError for a mistake in `options.sampling`. */
export function checkSampling(sampling: SamplingOptions): void {
  const within = (place: string) => new Scope(SCOPE.package, `${SCOPE.entry} ${place}`);
  within('sampling').check(sampling, { ...SHARE_RULES, rules: [Array.isArray, 'an array of rules'] });
  for (const [i, rule] of (sampling.rules ?? []).entries()) {
    within(`sampling.rules[${i}]`).check(rule, {
      ...SHARE_RULES,
      route: [(value) => typeof value === 'string' && value.startsWith('/'), 'a pattern that begins with /'],
      name: [(value) => typeof value === 'string' && value !== '', 'a non-empty string'],
      attributes: [(value) => typeof value === 'object' && value !== null, 'an object'],
    });
    if (rule.route === undefined && rule.name === undefined && rule.attributes === undefined)
      throw setupError(
        `sampling.rules[${i}] needs a route, a name or attributes; a rule for everything is the sampling itself`,
      );
  }
}

/** Returns the sampler for `options.sampling`. */
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
 * Returns a sampler that keeps the decision of a parent. `root` decides if there is none: at the start of a trace, and
 * when the caller left the decision to the receiver (B3 without a state, X-Ray without `Sampled`).
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

/** Returns the sampler that the environment names, or the specification's default. */
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
