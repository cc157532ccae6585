import type { SpanContext } from '@opentelemetry/api';

/** The remote caller that cases pretend to be: ids that no random generator yields. */
export const REMOTE: SpanContext = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: 1,
  isRemote: true,
};

/** `REMOTE` as a `traceparent` header, sampled unless told otherwise. */
export function traceparentOf({ traceId, spanId, traceFlags }: SpanContext = REMOTE): string {
  return `00-${traceId}-${spanId}-0${traceFlags.toString(16)}`;
}

/** A remote caller of its own for the `n`th of several requests. */
export function remoteCaller(n: number): SpanContext {
  const id = (n + 1).toString(16);
  return {
    traceId: id.padStart(32, 'a'),
    spanId: id.padStart(16, 'b'),
    traceFlags: 1,
    isRemote: true,
  };
}

/** Splits a well-formed `traceparent` of version 00; `undefined` for anything else. */
export function parseTraceparent(value: unknown): SpanContext | undefined {
  const fields = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(String(value));
  if (!fields) return undefined;
  const [, traceId = '', spanId = '', flags = ''] = fields;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) };
}

/** Header values that carry no usable trace context; each must start a new trace and leave the request alone. */
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
