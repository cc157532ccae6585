import { activeContext, injectContext } from '@throughline/core';
import { filterBaggage, propagatorOf, Scope } from '@throughline/core/seam';
import {
  checkPropagationTargets,
  createOutboundInjection,
  type PropagationTargets,
} from '@throughline/http-semantics';
import { bareCalls, callsWithoutParent, noteAsked, noteCall } from '@throughline/self-check';

/** Headers that hand the active context on, in a new object: for one URL, or for whomever when there is none. */
export type TraceHeaders = (url?: string | URL) => Record<string, string>;

/**
 * A {@link traceHeaders} with targets or a propagator of its own.
 *
 * @throws TypeError at set-up when an option has the wrong type. Never throws when called.
 * @example
 * const partnerHeaders = createTraceHeaders({ propagateTo: ['https://api.partner.example'] });
 */
export function createTraceHeaders(options: PropagationTargets = {}): TraceHeaders {
  checkPropagationTargets(options, new Scope('fetch', 'createTraceHeaders()'));
  const inject = createOutboundInjection(options);
  return function traceHeaders(url) {
    const headers: Record<string, string> = {};
    if (callsWithoutParent.watching) noteCall(activeContext(), traceHeaders);
    if (url === undefined) {
      const context = filterBaggage(activeContext(), options.baggageEntries ?? 'keep');
      return injectContext(headers, { context, propagator: propagatorOf(options.propagator) });
    }
    if (!URL.canParse(String(url))) return headers;
    const target = new URL(url);
    if (bareCalls.watching > 0) noteAsked(target);
    inject(activeContext(), headers, target);
    return headers;
  };
}

/**
 * The headers that hand the active context on, for any client: axios, got, ky, `node:http`.
 *
 * **A client that follows redirects takes these headers along to other origins**: let it not follow, or take them out in its
 * hook, as the README shows.
 *
 * Give the URL where you can: it decides, as with `tracedFetch`, what its host may be told. No span is made for
 * the call, so what receives it becomes a child of the active span.
 *
 * @example
 * await axios.get(url, { headers: traceHeaders(url) });
 */
export const traceHeaders: TraceHeaders = createTraceHeaders();
