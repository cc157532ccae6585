import type { SpanContext } from '@opentelemetry/api';
import { isHexId } from '@throughline/carrier';

/**
 * Returns the span context in a form that may be sent, or `undefined` when it is not valid. Ids in upper case, which
 * other packages' propagators accept, become lower case.
 *
 * @param remote A span context that was checked when it was extracted. Default: none.
 */
export function legalSpanContext(
  spanContext: SpanContext | undefined,
  remote?: SpanContext,
): SpanContext | undefined {
  if (spanContext === undefined || spanContext === null) return undefined;
  if (spanContext === remote) return spanContext;
  const { traceId, spanId } = spanContext;
  if (typeof traceId !== 'string' || typeof spanId !== 'string') return undefined;
  if (isHexId(spanId, 16) && (traceId === remote?.traceId || isHexId(traceId, 32))) return spanContext;
  const lower = { ...spanContext, traceId: traceId.toLowerCase(), spanId: spanId.toLowerCase() };
  return isHexId(lower.spanId, 16) && isHexId(lower.traceId, 32) ? lower : undefined;
}

/**
 * Returns an unsampled remote parent with ids that are made here, for a caller that sent only "do not record". Without a
 * valid parent, a parent-based sampler would apply its root rule, and record.
 */
export function placeholderSpanContext(): SpanContext {
  const random = crypto.getRandomValues(new Uint8Array(24));
  let hex = '';
  for (const byte of random) hex += byte.toString(16).padStart(2, '0');
  // A span id of zeros would be invalid, so its first digit is fixed.
  return { traceId: hex.slice(0, 32), spanId: `1${hex.slice(33)}`, traceFlags: 0, isRemote: true };
}
