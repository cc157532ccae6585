const TRACE_ID = '(?!0{32})[0-9a-f]{32}';
const SPAN_ID = '(?!0{16})[0-9a-f]{16}';
const KEY = '[a-z0-9][a-z0-9_\\-*/@]{0,255}';
const VALUE = '[\\x20-\\x2b\\x2d-\\x3c\\x3e-\\x7e]{0,255}[\\x21-\\x2b\\x2d-\\x3c\\x3e-\\x7e]';
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const OCTETS = '[\\x21\\x23-\\x2b\\x2d-\\x3a\\x3c-\\x5b\\x5d-\\x7e]*';
const MEMBER = `${TOKEN}=${OCTETS}(?:;${TOKEN}(?:=${OCTETS})?)*`;

/** The strict grammar of every header that may go out. */
const GRAMMAR = new Map<string, RegExp>([
  ['traceparent', new RegExp(`^00-${TRACE_ID}-${SPAN_ID}-0[0-3]$`)],
  ['tracestate', new RegExp(`^${KEY}=${VALUE}(?:,${KEY}=${VALUE}){0,31}$`)],
  ['baggage', new RegExp(`^${MEMBER}(?:,${MEMBER}){0,63}$`)],
  ['b3', new RegExp(`^${TRACE_ID}-${SPAN_ID}(?:-[01d])?$`)],
  ['x-b3-traceid', new RegExp(`^${TRACE_ID}$`)],
  ['x-b3-spanid', new RegExp(`^${SPAN_ID}$`)],
  ['x-b3-sampled', /^[01]$/],
  ['x-b3-flags', /^1$/],
  ['uber-trace-id', new RegExp(`^${TRACE_ID}:${SPAN_ID}:0:0[013]$`)],
  [
    'x-amzn-trace-id',
    new RegExp(
      `^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=${SPAN_ID};Sampled=[01?](?:;Lineage=[0-9A-Za-z:|.-]{1,256})?$`,
    ),
  ],
  ['grpc-trace-bin', /^AA[A-D][0-9A-Za-z+/]{36}=$/],
]);
const UBERCTX_NAME = new RegExp(`^uberctx-${TOKEN}$`);
const UBERCTX_VALUE = new RegExp(`^${OCTETS}$`);

/** True when this header may be on the wire. */
export function isLegal(name: string, value: unknown): boolean {
  if (typeof value !== 'string' || value.length > 8192) return false;
  const grammar = GRAMMAR.get(name);
  return grammar === undefined ? UBERCTX_NAME.test(name) && UBERCTX_VALUE.test(value) : grammar.test(value);
}
