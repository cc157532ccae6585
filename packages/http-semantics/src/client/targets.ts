import type { TextMapPropagator } from '@opentelemetry/api';
import { guarded, isPropagator } from '@throughline/core/seam';

/**
 * An origin, or several, to which outgoing calls may send the trace or baggage.
 *
 * - a string: an origin, `https://api.example.com` or `http://10.0.0.7:8080`, or with `*.` for every host below
 *   one, `https://*.example.com` (at least one label; the scheme and the port must agree);
 * - a regular expression, tested against the origin only, so that no path can forge a match;
 * - a function of the URL. If it throws, nothing is sent, and the error is reported once.
 */
export type Target = string | RegExp | ((url: URL) => boolean);

/** A target that receives other formats than the rest. */
export interface TargetWithPropagator {
  readonly to: Target;
  readonly propagator: TextMapPropagator;
}

/** Returns for one URL `false`, `true` (inject with the propagator of the options), or the propagator to inject with. */
export type TargetMatcher = (url: URL) => boolean | TextMapPropagator;

const ORIGIN = /^(https?):\/\/(\*\.)?([^/\\?#@*\s]+)\/?$/i;

/** Returns a matcher for a list of targets. Strings match by parsed origin, never by substring. */
export function matchTargets(targets: readonly (Target | TargetWithPropagator)[]): TargetMatcher {
  const tests = targets.map((target) => {
    const { to, propagator } = typeof target === 'object' && 'to' in target ? target : { to: target };
    return { test: compile(to), answer: propagator ?? true };
  });
  return (url) => tests.find(({ test }) => test(url))?.answer ?? false;
}

/** Returns whether `value` can stand in a list of targets. */
export function isTarget(value: unknown): boolean {
  const { to = value, propagator, ...unknown } = (value ?? {}) as Partial<TargetWithPropagator>;
  if (to !== value && (!isPropagator(propagator) || Object.keys(unknown).length > 0)) return false;
  if (typeof to === 'string') return ORIGIN.test(to) && URL.canParse(to.replace('*.', ''));
  return typeof to === 'function' || to instanceof RegExp;
}

function compile(target: Target): (url: URL) => boolean {
  if (typeof target === 'function')
    return (url) => guarded('a target function threw; nothing was sent', () => target(url), false) === true;
  if (target instanceof RegExp) {
    // Without `g` and `y`, which would make the answer depend on the one before.
    const origin = new RegExp(target.source, target.flags.replace(/[gy]/g, ''));
    return (url) => origin.test(url.origin);
  }
  const [, scheme, wildcard, host] = ORIGIN.exec(target) ?? [];
  if (wildcard === undefined) {
    const { origin } = new URL(target);
    return (url) => url.origin === origin;
  }
  const parent = new URL(`${scheme}://${host}`);
  return (url) =>
    url.protocol === parent.protocol &&
    url.port === parent.port &&
    url.hostname.endsWith(`.${parent.hostname}`);
}
