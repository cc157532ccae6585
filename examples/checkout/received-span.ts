import { type AttributeValue, SPAN_KINDS, type SpanKindName, type TraceSpan } from '@throughline/trace-tree';

/** The content of one export request: the spans that could be read, and the number of those that could not. */
export interface ReceivedBatch {
  readonly spans: readonly TraceSpan[];
  readonly rejected: number;
}

const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/**
 * Returns the spans in the body of an OTLP/HTTP JSON trace export.
 *
 * Spans with unusable ids or times are counted and do not throw, so that one bad span does not cost its batch.
 *
 * @throws TypeError when the body as a whole has another shape.
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 * @example
 * const { spans } = readTraceExport(JSON.parse(body));
 */
export function readTraceExport(body: unknown): ReceivedBatch {
  if (!isRecord(body)) throw new TypeError('the body must be a JSON object');
  const spans: TraceSpan[] = [];
  let rejected = 0;
  for (const resourceSpans of listOf(body, 'resourceSpans')) {
    const resource = isRecord(resourceSpans.resource) ? resourceSpans.resource : {};
    const serviceName = readAttributes(resource.attributes)['service.name'];
    const service = typeof serviceName === 'string' && serviceName !== '' ? serviceName : 'unknown_service';
    for (const scopeSpans of listOf(resourceSpans, 'scopeSpans')) {
      for (const raw of listOf(scopeSpans, 'spans')) {
        const span = readSpan(raw, service);
        if (span) spans.push(span);
        else rejected++;
      }
    }
  }
  return { spans, rejected };
}

function readSpan(raw: Record<string, unknown>, service: string): TraceSpan | undefined {
  const traceId = readId(raw.traceId, 32);
  const spanId = readId(raw.spanId, 16);
  const start = readMicros(raw.startTimeUnixNano);
  const end = readMicros(raw.endTimeUnixNano);
  if (!traceId || !spanId || start === undefined || end === undefined) return undefined;
  const parentId = readId(raw.parentSpanId, 16);
  const flags = typeof raw.flags === 'number' ? raw.flags : 0;
  const status = isRecord(raw.status) ? raw.status.code : undefined;
  return {
    traceId,
    spanId,
    ...(parentId && { parentId }),
    ...(parentId && flags & HAS_IS_REMOTE && { parentRemote: (flags & IS_REMOTE) !== 0 }),
    kind: readKind(raw.kind),
    service,
    name: typeof raw.name === 'string' ? raw.name : '',
    start,
    end: Math.max(start, end),
    error: status === 2 || status === 'STATUS_CODE_ERROR',
    attributes: readAttributes(raw.attributes),
  };
}

function readKind(kind: unknown): SpanKindName {
  if (typeof kind === 'number') return SPAN_KINDS[kind - 1] ?? 'INTERNAL';
  return SPAN_KINDS.find((name) => kind === `SPAN_KIND_${name}`) ?? 'INTERNAL';
}

/** Returns an id, or `undefined` if it is not one. All zeros mean "none" on the wire. */
function readId(value: unknown, digits: number): string | undefined {
  if (typeof value !== 'string' || value.length !== digits || !/^[0-9a-f]+$/i.test(value)) return undefined;
  return /^0+$/.test(value) ? undefined : value.toLowerCase();
}

/** Returns microseconds. Nanoseconds since the epoch exceed 2^53, so they are divided as a BigInt. */
function readMicros(nanos: unknown): number | undefined {
  if (typeof nanos === 'number' && Number.isFinite(nanos) && nanos >= 0) return Math.floor(nanos / 1000);
  if (typeof nanos !== 'string' || !/^\d{1,20}$/.test(nanos)) return undefined;
  return Number(BigInt(nanos) / 1000n);
}

function readAttributes(list: unknown): Record<string, AttributeValue> {
  const attributes: Record<string, AttributeValue> = {};
  if (!Array.isArray(list)) return attributes;
  for (const entry of list) {
    if (!isRecord(entry) || typeof entry.key !== 'string') continue;
    const value = readValue(entry.value);
    // defineProperty, because the key comes from the wire and may be "__proto__".
    if (value !== undefined) Object.defineProperty(attributes, entry.key, { value, enumerable: true });
  }
  return attributes;
}

function readValue(value: unknown): AttributeValue | undefined {
  if (!isRecord(value)) return undefined;
  if (typeof value.stringValue === 'string') return value.stringValue;
  if (typeof value.boolValue === 'boolean') return value.boolValue;
  if (typeof value.doubleValue === 'number') return value.doubleValue;
  if (typeof value.intValue === 'number' || typeof value.intValue === 'string') return Number(value.intValue);
  if (isRecord(value.arrayValue) && Array.isArray(value.arrayValue.values)) {
    return value.arrayValue.values.map(readValue).filter((item) => item !== undefined);
  }
  return undefined;
}

function listOf(owner: Record<string, unknown>, key: string): Record<string, unknown>[] {
  const list = owner[key] ?? [];
  if (!Array.isArray(list) || !list.every(isRecord))
    throw new TypeError(`${key} must be an array of objects`);
  return list;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
