import type { SpanContext } from '@opentelemetry/api';
import { printTraceparent, readTraceparent } from '@throughline/carrier';

/** The remote caller that cases pretend to be: ids that no random generator yields. */
export const REMOTE: SpanContext = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: 1,
  isRemote: true,
};

/** Returns a span context as a `traceparent` header. Default: {@link REMOTE}. */
export function traceparentOf(spanContext: SpanContext = REMOTE): string {
  return printTraceparent(spanContext);
}

/** Returns another remote caller for each of several requests. */
export function remoteCaller(n: number): SpanContext {
  const id = (n + 1).toString(16);
  return {
    traceId: id.padStart(32, 'a'),
    spanId: id.padStart(16, 'b'),
    traceFlags: 1,
    isRemote: true,
  };
}

/** Returns the ids and flags of a `traceparent` of version 00, the only one that may be written, else `undefined`. */
export function parseTraceparent(value: unknown): SpanContext | undefined {
  const named = typeof value === 'string' && value.startsWith('00-') ? readTraceparent(value) : undefined;
  return named && { traceId: named.traceId, spanId: named.spanId, traceFlags: named.traceFlags };
}

/** Pairs of traceparents that name no caller together: two callers, one twice, and one of a later version twice. */
export const PAIRS_OF_TRACEPARENTS: readonly (readonly [string, string])[] = [
  [traceparentOf(), traceparentOf({ ...REMOTE, spanId: '1111111111111111' })],
  [traceparentOf(), traceparentOf()],
  // The rules of version 00 forbid that anything follows; those of a later one may not.
  [laterTraceparent(), laterTraceparent()],
];

/** Returns `REMOTE` as a `traceparent` of a version that is not known yet. */
export function laterTraceparent(): string {
  return `${traceparentOf().replace(/^00/, 'cc')}-what-the-future-holds`;
}

/** Header values without a usable trace context: each must start a new trace and leave the request as it is. */
export const MALFORMED_TRACEPARENTS: readonly string[] = [
  'nonsense',
  '00',
  '00-0af7651916cd43dd8448eb211c80319c',
  '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331',
  '00-00000000000000000000000000000000-b7ad6b7169203331-01',
  '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
  '00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01',
  '00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01',
  '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra',
  'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  '00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01',
  '-'.repeat(4_000),
];
