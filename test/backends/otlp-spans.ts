import type { AttributeValue } from '@opentelemetry/api';
import type { RecordedAttributes, RecordedSpan, SpanKindName, StatusName } from './recorded-span.ts';

/** OTLP in its JSON form, as the Collector's file exporter and Jaeger's query API write it. */
export interface OtlpTraces {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: readonly OtlpAttribute[] };
    readonly scopeSpans?: readonly {
      readonly scope?: { readonly name?: string };
      readonly spans?: readonly OtlpSpan[];
    }[];
  }[];
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind?: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly OtlpAttribute[];
  readonly events?: readonly {
    readonly name: string;
    readonly timeUnixNano: string;
    readonly attributes?: readonly OtlpAttribute[];
  }[];
  readonly links?: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly attributes?: readonly OtlpAttribute[];
  }[];
  readonly status?: { readonly code?: number; readonly message?: string };
}

interface OtlpAttribute {
  readonly key: string;
  readonly value: OtlpValue;
}

interface OtlpValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string | number;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values?: readonly OtlpValue[] };
}

const KINDS: readonly SpanKindName[] = ['INTERNAL', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];
const STATUSES: readonly StatusName[] = ['UNSET', 'OK', 'ERROR'];

/**
 * Brings spans in OTLP's JSON form to the form in which they are compared.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
export function readOtlpSpans({ resourceSpans = [] }: OtlpTraces): RecordedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const attributes = readAttributes(resource?.attributes);
    return scopeSpans.flatMap(({ scope, spans = [] }) =>
      spans.map((span) => readSpan(span, attributes, scope?.name ?? '')),
    );
  });
}

function readSpan(span: OtlpSpan, resource: RecordedAttributes, scope: string): RecordedSpan {
  const { traceId, spanId, parentSpanId, traceState, status } = span;
  return {
    traceId,
    spanId,
    ...(parentSpanId && { parentId: parentSpanId }),
    ...(traceState && { traceState }),
    resource,
    scope,
    name: span.name,
    kind: KINDS[span.kind ?? 0] ?? 'INTERNAL',
    status: {
      code: STATUSES[status?.code ?? 0] ?? 'UNSET',
      ...(status?.message && { message: status.message }),
    },
    start: span.startTimeUnixNano,
    end: span.endTimeUnixNano,
    attributes: readAttributes(span.attributes),
    events: (span.events ?? []).map(({ name, timeUnixNano, attributes }) => ({
      name,
      time: timeUnixNano,
      attributes: readAttributes(attributes),
    })),
    links: (span.links ?? []).map((link) => ({
      traceId: link.traceId,
      spanId: link.spanId,
      attributes: readAttributes(link.attributes),
    })),
  };
}

function readAttributes(list: readonly OtlpAttribute[] = []): RecordedAttributes {
  return Object.fromEntries(list.map(({ key, value }) => [key, readValue(value)]));
}

function readValue(value: OtlpValue): AttributeValue {
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(readValue) as AttributeValue;
  if (value.intValue !== undefined) return Number(value.intValue);
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? '';
}
