import { activeContext, injectContext } from '@throughline/core';
import { filterBaggage, propagatorOf, Scope } from '@throughline/core/seam';
import {
  checkPropagationTargets,
  createOutboundInjection,
  type PropagationTargets,
} from '@throughline/http-semantics';
import { bareCalls, callsWithoutParent, noteAsked, noteCall } from '@throughline/self-check';

/** Returns the headers that carry the active context, as a new object: for one URL or, without one, for any. */
export type TraceHeaders = (url?: string | URL) => Record<string, string>;

/**
 * Returns a {@link traceHeaders} with targets or a propagator of its own.
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
    inject(activeContext(), headers, { url: target });
    return headers;
  };
}

/**
 * Returns the headers that carry the active context, for any client: axios, got, ky, `node:http`.
 *
 * **A client that follows redirects sends these headers to other origins, too**: turn redirects off, or remove the
 * headers in the client's hook, as the README shows.
 *
 * Pass the URL where you can: as with `tracedFetch`, it decides what its host may receive. No span is recorded for the
 * call, so its receiver becomes a child of the active span.
 *
 * @example
 * await axios.get(url, { headers: traceHeaders(url) });
 */
export const traceHeaders: TraceHeaders = createTraceHeaders();
