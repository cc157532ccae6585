import { printTraceparent, printXRayHeader, readTraceparent, readXRayHeader } from '@throughline/carrier';

/**
 * Returns the header of AWS X-Ray as a traceparent, for propagators that do not know it; `undefined` when it names no
 * sampled span.
 *
 * Lambda writes unsampled headers into every message of functions that do not use X-Ray, and a receiver that believed them
 * would no longer record anything. A registered X-Ray propagator reads the header itself.
 */
export function traceparentOf(header: string): string | undefined {
  const { traceId, spanId, state } = readXRayHeader(header) ?? {};
  return traceId === undefined || spanId === undefined || state !== 'accept'
    ? undefined
    : printTraceparent({ traceId, spanId, traceFlags: 1 });
}

/** Returns a traceparent as the header of AWS X-Ray, or `undefined` when it names no trace. */
export function xRayHeaderOf(traceparent: string | undefined): string | undefined {
  const named = readTraceparent(traceparent ?? '');
  return named && printXRayHeader({ ...named, state: (named.traceFlags & 1) === 1 ? 'accept' : 'deny' });
}
