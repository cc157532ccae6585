import type { RecordedSpan } from './recorded-span.ts';

/** A span in Zipkin's v2 format, as its API returns it. */
export interface ZipkinSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly name?: string;
  readonly kind?: 'CLIENT' | 'SERVER' | 'PRODUCER' | 'CONSUMER';
  /** Microseconds since the epoch. */
  readonly timestamp: number;
  /** Microseconds; absent below half of one. */
  readonly duration?: number;
  readonly localEndpoint?: { readonly serviceName?: string };
  readonly tags?: Readonly<Record<string, string>>;
  readonly annotations?: readonly { readonly timestamp: number; readonly value: string }[];
}

/**
 * A recorded span in Zipkin's format: what may be expected there.
 *
 * Zipkin keeps microseconds, lower-case names and text only, and has no place for links, tracestate, scopes and the
 * attributes of events. Status and resource become tags, by OpenTelemetry's rules.
 *
 * @see https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/zipkin/
 */
export function asZipkinSpan(span: RecordedSpan): ZipkinSpan {
  const { traceId, spanId, parentId, kind, status } = span;
  const texts = Object.entries({ ...span.resource, ...span.attributes }).map(([key, value]) => {
    return [key, String(value)];
  });
  const duration = Math.round(Number(BigInt(span.end) - BigInt(span.start)) / 1000);
  return {
    traceId,
    id: spanId,
    ...(parentId && { parentId }),
    name: span.name.toLowerCase(),
    ...(kind !== 'INTERNAL' && { kind }),
    timestamp: microseconds(span.start),
    ...(duration > 0 && { duration }),
    localEndpoint: { serviceName: String(span.resource['service.name']).toLowerCase() },
    tags: {
      ...Object.fromEntries(texts),
      ...(status.code !== 'UNSET' && { 'otel.status_code': status.code }),
      // The specification wants this tag on every error; without a message the exporter leaves it out.
      ...(status.code === 'ERROR' && status.message && { error: status.message }),
    },
    ...(span.events.length > 0 && {
      annotations: span.events.map(({ name, time }) => ({ timestamp: microseconds(time), value: name })),
    }),
  };
}

/** In floating point, as the exporter computes it: exact arithmetic would differ by one now and then. */
function microseconds(nanoseconds: string): number {
  const seconds = BigInt(nanoseconds) / 1_000_000_000n;
  const rest = BigInt(nanoseconds) % 1_000_000_000n;
  return Math.round(Number(seconds) * 1e6 + Number(rest) / 1e3);
}
