/**
 * The formats of `@throughline/propagators`, by the names that `OTEL_PROPAGATORS` gives them, each with its fields in
 * lower case. The first field is the one that names the trace.
 */
export const TRACE_FORMATS = {
  tracecontext: ['traceparent', 'tracestate'],
  baggage: ['baggage'],
  b3: ['b3'],
  b3multi: ['x-b3-traceid', 'x-b3-spanid', 'x-b3-sampled', 'x-b3-flags'],
  jaeger: ['uber-trace-id', 'jaeger-baggage'],
  xray: ['x-amzn-trace-id'],
  'grpc-trace-bin': ['grpc-trace-bin'],
} as const;

export type TraceFormat = keyof typeof TRACE_FORMATS;

/** Formats that are recognized by one field and not read. */
const UNREAD_FORMATS = {
  datadog: 'x-datadog-trace-id',
  gcp: 'x-cloud-trace-context',
  sentry: 'sentry-trace',
  newrelic: 'newrelic',
  ot: 'ot-tracer-traceid',
  sw8: 'sw8',
  instana: 'x-instana-t',
  elastic: 'elastic-apm-traceparent',
};

/** The format of each field that names a trace. B3 is one format, in either of its encodings; baggage names no trace. */
const FORMAT_OF = new Map<string, string>();
for (const [format, [field]] of Object.entries(TRACE_FORMATS))
  if (format !== 'baggage') FORMAT_OF.set(field, format === 'b3multi' ? 'b3' : format);
for (const [format, field] of Object.entries(UNREAD_FORMATS)) FORMAT_OF.set(field, format);

/** Returns the format in which a field of this name, in lower case, names a trace, or `undefined` when it names none. */
export function formatOf(field: string): string | undefined {
  return FORMAT_OF.get(field);
}
