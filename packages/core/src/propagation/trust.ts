import { guarded, isNames, reportOnce } from '@throughline/guard';
import type { BaggageRule } from '../baggage/baggage-filter.ts';

/**
 * What becomes of the context that a caller sends.
 *
 * - `continue`: the request becomes part of the caller's trace.
 * - `restart`: a new trace starts, with a link to the caller's span.
 * - `ignore`: a new trace starts, as if the caller had sent nothing.
 */
export type ParentTrust = 'continue' | 'restart' | 'ignore';

/** A trust decision in full. */
export interface TrustDecision {
  readonly parent: ParentTrust;
  /**
   * Which of the caller's baggage is let in: all, none, or the named entries. Default: `keep` with `continue`, else
   * `drop`.
   */
  readonly baggage?: BaggageRule;
  /**
   * Whether to `respect` the caller's sampled flag, or the flag to put in its place, `true` for sampled. Default:
   * `respect`.
   *
   * A function is called only for callers that set the flag; it returns whether to honour it. See `sampledBudget` of
   * `@throughline/http-semantics`. Applies only with `continue` and a registered SDK: this service alone decides on
   * sampling of a new trace, and without an SDK the headers are passed on byte for byte.
   */
  readonly sampled?: 'respect' | boolean | (() => boolean);
}

/** Whom to trust: one decision for every caller, or a function that decides once per request, before the span starts. */
export type TrustPolicy<Request> =
  | ParentTrust
  | TrustDecision
  | ((request: Request) => ParentTrust | TrustDecision);

/** The safe decision, taken when a policy throws or returns something else. */
const DISTRUST: TrustDecision = { parent: 'restart', baggage: 'drop' };

const PARENT: ReadonlySet<unknown> = new Set<ParentTrust>(['continue', 'restart', 'ignore']);

/** Whether `value` is a decision that a policy may return. */
export function isTrustDecision(value: unknown): value is ParentTrust | TrustDecision {
  const {
    parent = value,
    baggage = 'keep',
    sampled = 'respect',
    ...unknown
  } = (value ?? {}) as Partial<TrustDecision>;
  return (
    PARENT.has(parent) &&
    (typeof value === 'string' || Object.keys(unknown).length === 0) &&
    (baggage === 'keep' || baggage === 'drop' || isNames(baggage)) &&
    (sampled === 'respect' || typeof sampled === 'boolean' || typeof sampled === 'function')
  );
}

/** Whether `value` is a trust policy. */
export const isTrustPolicy = (value: unknown) => typeof value === 'function' || isTrustDecision(value);
/** What a trust policy may be, in the words of an error message. */
/** What a trust policy may be, in the words of an error message. */
export const TRUST_FORMS = "'continue', 'restart', 'ignore', a trust decision or a function";

/**
 * Returns the function that decides on each request by a policy, which is checked already. A constant is resolved once.
 *
 * The function never throws: a policy that fails counts as distrust and is reported once.
 */
export function createTrustDecider<Request>(
  policy: TrustPolicy<Request>,
): (request: Request) => TrustDecision {
  if (typeof policy !== 'function') {
    const settled = inFull(policy);
    return () => settled;
  }
  return function decideTrust(request) {
    const answer = guarded(
      'options.trust threw; the caller was not trusted',
      () => policy(request),
      DISTRUST,
    );
    if (guarded('options.trust could not be read', () => isTrustDecision(answer), false))
      return inFull(answer);
    reportOnce('options.trust returned no trust decision; the caller was not trusted');
    return DISTRUST;
  };
}

function inFull(answer: ParentTrust | TrustDecision): TrustDecision {
  return typeof answer === 'string' ? { parent: answer } : answer;
}
