import type { TextMapPropagator } from '@opentelemetry/api';
import { formatOf } from '@throughline/carrier';

/**
 * How the caller's context was received.
 *
 * - `continued`: its trace continues here.
 * - `absent`: the request brought none.
 * - `malformed`: it brought one that no propagator could read.
 * - `duplicate`: it brought several traceparent headers, so none can be believed.
 * - `foreign:<format>`: it brought one in a format that is not read here, such as `foreign:b3`.
 * - `untrusted`: it brought one that the trust policy did not let continue.
 */
export type ExtractionOutcome =
  | 'continued'
  | 'absent'
  | 'malformed'
  | 'duplicate'
  | 'untrusted'
  | `foreign:${string}`;

/** Whether a header of this name, in lower case, brings a trace in a known format. */
export const isTraceHeader = (name: string) => formatOf(name) !== undefined;

/** `b3: 0`, `1` and `d` bring a decision and no ids: complete, though there is nothing to continue. */
const B3_DECISION = /^[01d]$/;

/** Returns how `headers` were received in which `propagator` found no trace to continue. */
export function extractionOutcome(
  headers: { readonly [name: string]: string | string[] | undefined },
  propagator: TextMapPropagator,
): ExtractionOutcome {
  let outcome: ExtractionOutcome = 'absent';
  for (const name in headers) {
    const format = formatOf(name);
    if (format === undefined) continue;
    const value = String(headers[name]);
    if (!propagator.fields().includes(name)) outcome = outcome === 'absent' ? `foreign:${format}` : outcome;
    else if (name === 'traceparent' && value.includes(',')) return 'duplicate';
    else if (!(name === 'b3' && B3_DECISION.test(value))) outcome = 'malformed';
  }
  return outcome;
}
