import type { Context } from '@opentelemetry/api';
import { type BaggageRule, type Carrier, injectContext } from '@throughline/core';
import { filterBaggage, isPrivateHost, propagatorOf } from '@throughline/core/seam';
import type { HttpClientRequest, PropagationTargets } from './http-client-options.ts';
import { matchTargets, type TargetMatcher } from './targets.ts';

/** Propagation options of a single call. */
export interface CallPropagation {
  /** Whether this call carries the trace. Absent: `propagateTo` decides. */
  readonly propagate?: boolean | undefined;
  /** Whether this call carries baggage. Absent: `baggageTo` decides. */
  readonly baggage?: boolean | undefined;
}

/**
 * The request whose headers receive the context.
 *
 * @internal Does not follow semantic versioning.
 */
export interface OutboundRequest extends Pick<HttpClientRequest, 'url' | 'header'> {
  /** The URL that the caller named. Absent: `url`, to which no redirect led. */
  readonly named?: URL | undefined;
}

/**
 * Writes the context into the headers of one request, if its target may receive it.
 *
 * @internal Does not follow semantic versioning.
 */
export type OutboundInjection = (
  context: Context,
  headers: Carrier,
  request: OutboundRequest,
  call?: CallPropagation,
) => void;

/** AWS Signature Version 4: a header added after signing can make the signature invalid, or a proxy refuse the request. */
const SIGNED_HEADER = 'AWS4-';
const SIGNED_QUERY = 'X-Amz-Signature';

/**
 * Returns a function that injects by the given target options.
 *
 * @internal Does not follow semantic versioning.
 */
export function createOutboundInjection(targets: PropagationTargets): OutboundInjection {
  const { propagateTo, baggageTo = 'private', baggageEntries = 'keep' } = targets;
  const mayTell = matcherOf(propagateTo ?? 'all');
  const mayTellBaggage = matcherOf(baggageTo);
  return (context, headers, { url, named, header }, call = {}) => {
    if (call.propagate === false) return;
    if (header?.('authorization')?.startsWith(SIGNED_HEADER) || isSigned(url)) return;
    const leftOrigin = named !== undefined && named !== url && named.origin !== url.origin;
    // A call decides for the origin that it named. An origin that it is redirected to must be listed.
    const listed = leftOrigin && propagateTo === undefined ? false : mayTell(url);
    if (listed === false && (leftOrigin || call.propagate !== true)) return;
    const propagator = typeof listed === 'object' ? listed : propagatorOf(targets.propagator);
    const forced = leftOrigin && call.baggage === true ? undefined : call.baggage;
    const tellsBaggage = forced ?? mayTellBaggage(url) !== false;
    injectContext(headers, {
      context: filterBaggage(context, tellsBaggage ? baggageEntries : 'drop'),
      propagator,
    });
  };
}

/**
 * Returns a function that decides what of a context an origin may receive: the trace with this baggage, or nothing
 * (`undefined`).
 *
 * @internal Does not follow semantic versioning.
 */
export function createTargetDecider({
  propagateTo = 'all',
  baggageTo = 'private',
  baggageEntries,
}: PropagationTargets): (url: URL) => BaggageRule | undefined {
  const mayTell = matcherOf(propagateTo);
  const mayTellBaggage = matcherOf(baggageTo);
  return (url) => {
    if (mayTell(url) === false) return undefined;
    return mayTellBaggage(url) === false ? 'drop' : (baggageEntries ?? 'keep');
  };
}

/** Looks at the text first: most URLs need no list of their parameters. */
function isSigned(url: URL): boolean {
  return url.search.includes(SIGNED_QUERY) && url.searchParams.has(SIGNED_QUERY);
}

function matcherOf(targets: 'all' | 'none' | 'private' | Parameters<typeof matchTargets>[0]): TargetMatcher {
  switch (targets) {
    case 'all':
      return () => true;
    case 'none':
      return () => false;
    case 'private':
      return ({ hostname }) => isPrivateHost(hostname);
    default:
      return matchTargets(targets);
  }
}
