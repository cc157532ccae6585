import { type Context, type TextMapGetter, trace } from '@opentelemetry/api';
import { B3_SAMPLED, B3_SINGLE, B3_TRACE_ID, parseB3Multi, parseB3Single } from './b3.ts';
import { chosenGetter, readField, readFirst } from './field.ts';
import { GRPC_TRACE_BIN, parseGrpcTraceBin } from './grpc-trace-bin.ts';
import { parseUberTraceId, UBER_TRACE_ID } from './jaeger.ts';
import { MAX_TRACEPARENT_LENGTH, TRACEPARENT } from './w3c-trace-context.ts';
import { parseXRay, X_AMZN_TRACE_ID } from './xray.ts';

/**
 * What became of a carrier's trace: `continued` from `traceparent`, continued from another format (`foreign:b3`), `absent`,
 * `duplicate` (more than one `traceparent`), or `malformed`.
 */
export type ExtractionOutcome =
  | 'continued'
  | 'absent'
  | 'malformed'
  | 'duplicate'
  | 'foreign:b3'
  | 'foreign:b3multi'
  | 'foreign:jaeger'
  | 'foreign:xray'
  | 'foreign:grpc-trace-bin';

/**
 * Says in one word what an extraction made of a carrier, for a metric or a hook; {@link explainHeaders} says it in
 * sentences.
 *
 * `before` is the context that was given to `extract`, `after` the one it returned. Cheap when a `traceparent` was
 * continued or nothing was there. Never throws.
 *
 * @example
 * const parent = propagator.extract(ROOT_CONTEXT, headers);
 * counter.add(1, { outcome: extractionOutcome(ROOT_CONTEXT, parent, headers) });
 */
export function extractionOutcome(
  before: Context,
  after: Context,
  carrier: unknown,
  getter?: TextMapGetter,
): ExtractionOutcome {
  try {
    const get = chosenGetter(getter);
    const header = readField(carrier, get, TRACEPARENT);
    const span = trace.getSpan(after);
    if (span === undefined || span === trace.getSpan(before)) return refusal(header, carrier, get);
    const { traceId } = span.spanContext();
    const short = typeof header === 'string' && header.length <= MAX_TRACEPARENT_LENGTH;
    if (short && header.includes(traceId) && !header.includes(',')) return 'continued';
    return foreignFormat(traceId, carrier, get);
  } catch {
    return 'malformed';
  }
}

function refusal(
  header: string | string[] | undefined,
  carrier: unknown,
  getter: TextMapGetter,
): ExtractionOutcome {
  if (typeof header === 'object') return 'duplicate';
  if (header !== undefined)
    return header.slice(0, MAX_TRACEPARENT_LENGTH).includes(',') ? 'duplicate' : 'malformed';
  const others = [B3_SINGLE, B3_TRACE_ID, UBER_TRACE_ID, X_AMZN_TRACE_ID, GRPC_TRACE_BIN];
  return others.some((field) => readFirst(carrier, getter, field) !== undefined) ? 'malformed' : 'absent';
}

function foreignFormat(traceId: string, carrier: unknown, getter: TextMapGetter): ExtractionOutcome {
  const read = (field: string) => readFirst(carrier, getter, field);
  const single = read(B3_SINGLE);
  const b3 = single === undefined ? undefined : parseB3Single(single);
  if (b3?.ids?.traceId === traceId) return 'foreign:b3';
  if (parseB3Multi(read)?.ids?.traceId === traceId) return 'foreign:b3multi';
  const uber = read(UBER_TRACE_ID);
  if (uber !== undefined && parseUberTraceId(uber)?.traceId === traceId) return 'foreign:jaeger';
  const xray = read(X_AMZN_TRACE_ID);
  if (xray !== undefined && parseXRay(xray)?.traceId === traceId) return 'foreign:xray';
  const grpc = read(GRPC_TRACE_BIN);
  if (grpc !== undefined && parseGrpcTraceBin(grpc)?.traceId === traceId) return 'foreign:grpc-trace-bin';
  // No header has the id: it was made here for a bare "do not record", or another package's propagator found it.
  if (b3 !== undefined && b3.ids === undefined) return 'foreign:b3';
  return read(B3_SAMPLED) === undefined ? 'continued' : 'foreign:b3multi';
}
