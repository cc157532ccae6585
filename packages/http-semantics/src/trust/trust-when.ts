import type { ParentTrust, TrustDecision, TrustPolicy } from '@throughline/core';
import { isTrustPolicy, RateLimit, Scope, TRUST_FORMS } from '@throughline/core/seam';
import type { HttpServerRequest } from '../server/http-server-request.ts';
import { checkConditions, holds, type TrustCondition } from './trust-conditions.ts';

/** What {@link trustWhen} returns for which callers. */
export interface TrustWhenOptions {
  /** For callers for which the condition holds: a decision or another policy. Default: `continue`. */
  readonly as?: TrustPolicy<HttpServerRequest> | undefined;
  /** For all others. Default: `restart`, a new trace with a link to theirs, and without their baggage. */
  readonly otherwise?: TrustPolicy<HttpServerRequest> | undefined;
}

/**
 * Returns a trust policy that depends on a condition: {@link fromCidr}, {@link toPath}, {@link withClientCertificate},
 * {@link withSecretHeader}, {@link allOf}, {@link anyOf}, or a function of your own.
 *
 * Both results may be policies again, so conditions can be checked one after the other. If a condition throws, the caller
 * is not trusted, as with every policy that throws.
 *
 * @throws TypeError at set-up when an argument has the wrong type.
 * @example
 * app.use(traceContext({ trust: trustWhen(fromCidr('10.0.0.0/8'), { otherwise: 'restart' }) }));
 */
export function trustWhen(
  condition: TrustCondition,
  options: TrustWhenOptions = {},
): (request: HttpServerRequest) => ParentTrust | TrustDecision {
  const entry = 'trustWhen()';
  checkConditions(entry, [condition]);
  new Scope('http-semantics', entry).check(options, {
    as: [isTrustPolicy, TRUST_FORMS],
    otherwise: [isTrustPolicy, TRUST_FORMS],
  });
  const { as: met = 'continue', otherwise = 'restart' } = options;
  return function trustWhen(request) {
    return ask(holds(condition, request) ? met : otherwise, request);
  };
}

function ask(
  policy: TrustPolicy<HttpServerRequest>,
  request: HttpServerRequest,
): ParentTrust | TrustDecision {
  return typeof policy === 'function' ? policy(request) : policy;
}

/** Options of {@link sampledBudget}. */
export interface SampledBudgetOptions {
  /** How many sampled flags to accept per second on average, and at once after a pause. At least 1. */
  readonly perSecond: number;
}

/**
 * Returns a value for `sampled` of a trust decision: it accepts the callers' sampled flag so many times per second, for
 * callers that may continue their trace and must not force recording at will.
 *
 * Requests that exceed the budget are served and propagated unsampled. There is no timer: the budget fills as it is used.
 *
 * @throws TypeError at set-up when `perSecond` is no number of at least 1.
 * @example
 * const outsiders = { parent: 'continue', baggage: 'drop', sampled: sampledBudget({ perSecond: 10 }) } as const;
 * app.use(traceContext({ trust: trustWhen(fromCidr('10.0.0.0/8'), { otherwise: outsiders }) }));
 */
export function sampledBudget(options: SampledBudgetOptions): () => boolean {
  const scope = new Scope('http-semantics', 'sampledBudget()');
  scope.check(options, { perSecond: [isRate, A_RATE] });
  const { perSecond } = options;
  if (perSecond === undefined) throw scope.error(`options.perSecond must be ${A_RATE}, got undefined`);
  const limit = new RateLimit(perSecond);
  return function sampledBudget() {
    return limit.take();
  };
}

const A_RATE = 'a number of at least 1';

function isRate(value: unknown): boolean {
  return typeof value === 'number' && value >= 1 && Number.isFinite(value);
}
