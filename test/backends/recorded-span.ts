import type { Attributes, AttributeValue, SpanContext } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';

/** A span as every side of a comparison is brought to: plain data, with all that a back end could lose. */
export interface RecordedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId?: string;
  readonly traceState?: string;
  readonly resource: RecordedAttributes;
  readonly scope: string;
  readonly name: string;
  readonly kind: SpanKindName;
  readonly status: { readonly code: StatusName; readonly message?: string };
  /** Nanoseconds since the epoch, in decimal digits: too many for a number. */
  readonly start: string;
  readonly end: string;
  readonly attributes: RecordedAttributes;
  readonly events: readonly {
    readonly name: string;
    readonly time: string;
    readonly attributes: RecordedAttributes;
  }[];
  readonly links: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly attributes: RecordedAttributes;
  }[];
}

export type RecordedAttributes = Readonly<Record<string, AttributeValue>>;
export type SpanKindName = 'INTERNAL' | 'SERVER' | 'CLIENT' | 'PRODUCER' | 'CONSUMER';
export type StatusName = 'UNSET' | 'OK' | 'ERROR';

const KINDS: readonly SpanKindName[] = ['INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];
const STATUSES: readonly StatusName[] = ['UNSET', 'OK', 'ERROR'];

/** What the SDK holds at the end of a span: the truth that back ends are measured by. */
export function recordSpan(span: ReadableSpan): RecordedSpan {
  const { traceId, spanId, traceState } = span.spanContext();
  const state = traceState?.serialize();
  const parentId = span.parentSpanContext?.spanId;
  return {
    traceId,
    spanId,
    ...(parentId && { parentId }),
    ...(state && { traceState: state }),
    resource: copyAttributes(span.resource.attributes as Attributes),
    scope: span.instrumentationScope.name,
    name: span.name,
    kind: KINDS[span.kind] ?? 'INTERNAL',
    status: {
      code: STATUSES[span.status.code] ?? 'UNSET',
      ...(span.status.message && { message: span.status.message }),
    },
    start: nanoseconds(span.startTime),
    end: nanoseconds(span.endTime),
    attributes: copyAttributes(span.attributes),
    events: span.events.map(({ name, time, attributes }) => ({
      name,
      time: nanoseconds(time),
      attributes: copyAttributes(attributes),
    })),
    links: span.links.map(({ context, attributes }) => ({
      ...idsOf(context),
      attributes: copyAttributes(attributes),
    })),
  };
}

function nanoseconds([seconds, nanos]: readonly [number, number]): string {
  return String(BigInt(seconds) * 1_000_000_000n + BigInt(nanos));
}

function idsOf({ traceId, spanId }: SpanContext) {
  return { traceId, spanId };
}

function copyAttributes(attributes: Attributes = {}): RecordedAttributes {
  const defined = Object.entries(attributes).filter((entry): entry is [string, AttributeValue] => {
    return entry[1] !== undefined;
  });
  return Object.fromEntries(defined);
}
