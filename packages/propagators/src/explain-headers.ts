import { type SpanContext, TraceFlags } from '@opentelemetry/api';
import {
  carrierGetter,
  MAX_BAGGAGE_BYTES,
  MAX_BAGGAGE_MEMBERS,
  MAX_LINES,
  MAX_TRACEPARENT_LENGTH,
  MAX_XRAY_LENGTH,
  readTraceparent,
  readXRayHeader,
  TRACE_FORMATS,
  type TraceFormat,
  trimOws,
} from '@throughline/carrier';
import { type B3Reading, parseB3Multi, parseB3Single } from './b3.ts';
import { MAX_BAGGAGE_SCANNED, readMembers } from './baggage-members.ts';
import { readField, readFirst, readWithPrefix } from './field.ts';
import { MAX_GRPC_TRACE_BIN_LENGTH, parseGrpcTraceBin } from './grpc-trace-bin.ts';
import {
  MAX_UBER_TRACE_ID_LENGTH,
  MAX_UBERCTX_FIELDS,
  parseUberTraceId,
  readJaegerBaggage,
  UBERCTX_PREFIX,
} from './jaeger.ts';
import { traceStateFault } from './trace-state.ts';

const [TRACEPARENT, TRACESTATE] = TRACE_FORMATS.tracecontext;
const [BAGGAGE] = TRACE_FORMATS.baggage;
const [B3_SINGLE] = TRACE_FORMATS.b3;
const [B3_TRACE_ID, B3_SPAN_ID] = TRACE_FORMATS.b3multi;
const [UBER_TRACE_ID] = TRACE_FORMATS.jaeger;
const [X_AMZN_TRACE_ID] = TRACE_FORMATS.xray;
const [GRPC_TRACE_BIN] = TRACE_FORMATS['grpc-trace-bin'];

/** The most characters of a header's value that a report shows. */
const MAX_SHOWN = 64;
/** The most lines of one field, and the most `uberctx-` fields, that a report shows. */
const MAX_FIELDS = 8;

/** A header in the carrier. */
export interface ExplainedField {
  /** The name in lower case. */
  readonly name: string;
  /** At most 64 characters of the value; characters outside printable ASCII are shown as `\xNN` or `\uNNNN`. */
  readonly value: string;
}

/** What one format found, and whether it accepted it. */
export interface FormatExplanation {
  readonly format: TraceFormat;
  readonly found: readonly ExplainedField[];
  /** Whether an extraction with this format alone would change the context. */
  readonly accepted: boolean;
  /** What the headers mean or why they are refused, in one sentence. */
  readonly reason: string;
  /** The trace that the headers name. Absent: they name none. */
  readonly traceId?: string;
  /** The caller's span. Absent: the headers name none. */
  readonly spanId?: string;
}

/** The report of {@link explainHeaders}. */
export interface HeadersExplanation {
  /** The result of all formats together, in one sentence. */
  readonly verdict: string;
  /** Every format that this package reads, in the order in which {@link createPropagator} lists them. */
  readonly formats: readonly FormatExplanation[];
}

type Answer = Omit<FormatExplanation, 'format' | 'found'>;
type Read = (field: string) => string | undefined;

const FORMATS = Object.keys(TRACE_FORMATS) as TraceFormat[];

/**
 * Returns what each format finds in these headers, whether it accepts them, and why.
 *
 * It is for finding out why a trace broke, not for the path of a request. Accepts any carrier that {@link carrierGetter}
 * reads. Shows at most 64 characters of a value, and no control characters. Never throws.
 *
 * @example
 * console.log(explainHeaders({ traceparent: '00-1-2-01' }).verdict);
 */
export function explainHeaders(carrier: unknown): HeadersExplanation {
  const headers = relevantFields(carrier);
  const read: Read = (field) => readFirst(headers, carrierGetter, field);
  const answers: Record<TraceFormat, () => Answer> = {
    tracecontext: () => explainTraceContext(headers),
    baggage: () => explainBaggage(headers),
    b3: () => explainB3Single(read(B3_SINGLE)),
    b3multi: () => explainB3Multi(read),
    jaeger: () => explainJaeger(headers, read),
    xray: () => explainXRay(read(X_AMZN_TRACE_ID)),
    'grpc-trace-bin': () => explainGrpc(read(GRPC_TRACE_BIN)),
  };
  const formats = FORMATS.map((format) => {
    const fields = [...TRACE_FORMATS[format], ...(format === 'jaeger' ? uberctxNames(headers) : [])];
    return explain(format, headers, fields, answers[format]);
  });
  return { verdict: verdictOf(formats), formats };
}

/** In a carrier with more names, only the fields that are present are read. */
const MAX_NAMES = 256;
const FIELDS = Object.values(TRACE_FORMATS).flat();

/** Returns the carrier or, if it is large, its relevant fields: each look-up would search all of its names. */
function relevantFields(carrier: unknown): unknown {
  const names = carrierGetter.keys(carrier);
  if (names.length <= MAX_NAMES) return carrier;
  const present = new Set(names.map((name) => name.toLowerCase()));
  const fields = FIELDS.filter((name) => present.has(name));
  return [
    ...fields.map((name) => [name, readField(carrier, carrierGetter, name)]),
    ...readWithPrefix(carrier, carrierGetter, UBERCTX_PREFIX, MAX_UBERCTX_FIELDS),
  ];
}

function explain(
  format: TraceFormat,
  headers: unknown,
  fields: readonly string[],
  answer: () => Answer,
): FormatExplanation {
  const found: ExplainedField[] = [];
  for (const name of fields) {
    const value = readField(headers, carrierGetter, name);
    if (value === undefined) continue;
    for (const line of typeof value === 'string' ? [value] : value.slice(0, MAX_FIELDS)) {
      found.push({ name: shown(name.toLowerCase()), value: shown(line) });
    }
  }
  if (found.length === 0) {
    return { format, found, accepted: false, reason: `no ${fields.slice(0, 4).join(' or ')} header` };
  }
  try {
    return { format, found, ...answer() };
  } catch {
    return { format, found, accepted: false, reason: 'the header cannot be read' };
  }
}

function shown(value: string): string {
  let text = '';
  for (let i = 0; i < value.length && i <= MAX_SHOWN; i++) {
    const code = value.charCodeAt(i);
    const char =
      code >= 32 && code < 127
        ? value.charAt(i)
        : code < 256
          ? `\\x${code.toString(16).padStart(2, '0')}`
          : `\\u${code.toString(16).padStart(4, '0')}`;
    if (i === MAX_SHOWN || text.length + char.length > MAX_SHOWN)
      return `${text}… (${value.length} characters)`;
    text += char;
  }
  return text;
}

function refused(reason: string): Answer {
  return { accepted: false, reason: `refused: ${reason}` };
}

function named(traceId: string, spanId: string, reason: string): Answer {
  return { accepted: true, reason, traceId, spanId };
}

function explainTraceContext(headers: unknown): Answer {
  const header = readField(headers, carrierGetter, TRACEPARENT);
  if (header === undefined) return refused('tracestate without a traceparent means nothing');
  if (typeof header !== 'string') {
    return refused(`${header.length} traceparent headers; one is allowed, and which to believe is not known`);
  }
  const spanContext = readTraceparent(header);
  if (spanContext === undefined) return refused(traceparentFault(header));
  const state = readField(headers, carrierGetter, TRACESTATE);
  const lines = typeof state === 'string' ? [state] : (state ?? []);
  const fault = lines.length > MAX_LINES ? 'too many lines' : traceStateFault(lines.join(','));
  const reason = `continues the trace, ${flagWords(spanContext)}`;
  return named(
    spanContext.traceId,
    spanContext.spanId,
    fault === undefined ? reason : `${reason}; tracestate discarded: ${fault}`,
  );
}

function flagWords(spanContext: SpanContext): string {
  return (spanContext.traceFlags & TraceFlags.SAMPLED) !== 0
    ? 'sampled by the caller'
    : 'not sampled by the caller';
}

function traceparentFault(header: string): string {
  if (header.length > MAX_TRACEPARENT_LENGTH) return `longer than ${MAX_TRACEPARENT_LENGTH} characters`;
  const text = trimOws(header);
  if (text.includes(',')) return 'two traceparent headers joined by a comma; one is allowed';
  if (text === '') return 'the header is empty';
  const [version = '', traceId = '', spanId = '', flags = ''] = text.split('-');
  if (/[A-F]/.test(text.slice(0, 55))) return 'upper-case letters; only lower-case hexadecimal is allowed';
  if (!isHex(version, 2)) return 'the version must be 2 hexadecimal digits';
  if (version === 'ff') return 'version ff is not allowed';
  for (const [name, id, length] of [
    ['trace id', traceId, 32],
    ['parent id', spanId, 16],
  ] as const) {
    if (id.length !== length) return `the ${name} has ${id.length} characters instead of ${length}`;
    if (!isHex(id, length)) return `the ${name} is not lower-case hexadecimal`;
    if (/^0+$/.test(id)) return `the ${name} is all zeros`;
  }
  if (!isHex(flags, 2)) return 'the flags must be 2 hexadecimal digits';
  return 'version 00 ends after the flags, but something follows';
}

function isHex(text: string, length: number): boolean {
  return text.length === length && /^[0-9a-f]+$/.test(text);
}

function explainBaggage(headers: unknown): Answer {
  const header = readField(headers, carrierGetter, BAGGAGE) ?? '';
  const lines = typeof header === 'string' ? [header] : header;
  const members = readMembers(lines);
  const length = lines.reduce((sum, line) => sum + line.length, 0);
  // Counting what is left out is cheap only if the header is no longer than the part that is read.
  const listed =
    length > MAX_BAGGAGE_SCANNED
      ? undefined
      : lines
          .join(',')
          .split(',')
          .filter((member) => trimOws(member) !== '').length;
  if (members.length === 0) return refused(baggageFault(lines, length));
  const dropped = listed === undefined ? 'some' : String(listed - members.length);
  const reason = `${members.length} ${members.length === 1 ? 'member' : 'members'} read`;
  return {
    accepted: true,
    reason:
      dropped === '0'
        ? reason
        : `${reason}, ${dropped} left out as malformed or over the limits (${MAX_BAGGAGE_MEMBERS} members, ${MAX_BAGGAGE_BYTES} bytes)`,
  };
}

/** Returns why nothing of a baggage header was read. */
function baggageFault(lines: readonly string[], length: number): string {
  const start = lines.join(',').slice(0, MAX_BAGGAGE_SCANNED);
  const members = start.split(',').map(trimOws).filter(Boolean);
  if (members.length === 0) return 'the header is empty';
  if (members.some((member) => member.length > MAX_BAGGAGE_BYTES)) {
    return `a member is longer than ${MAX_BAGGAGE_BYTES} bytes, and only whole ones are read`;
  }
  const where = length > MAX_BAGGAGE_SCANNED ? `within the first ${MAX_BAGGAGE_SCANNED} characters, ` : '';
  return `${where}no member of the form key=value with a token as key`;
}

const B3_WORDS = {
  accept: 'sampled by the caller',
  deny: 'not sampled by the caller',
  debug: 'to be recorded in any case (debug)',
  defer: 'the sampling decision is left to this service',
};

function explainB3(reading: B3Reading): Answer {
  const { ids, state } = reading;
  if (ids !== undefined) return named(ids.traceId, ids.spanId, `continues the trace, ${B3_WORDS[state]}`);
  return state === 'deny'
    ? { accepted: true, reason: 'names no trace but says do not record: honoured' }
    : { accepted: false, reason: 'names no trace, so there is nothing to continue' };
}

function explainB3Single(header = ''): Answer {
  const reading = parseB3Single(header);
  return reading === undefined
    ? refused(
        'not traceid-spanid[-state[-parentid]] with 16 or 32 and 16 hexadecimal digits and state 0, 1 or d',
      )
    : explainB3(reading);
}

function explainB3Multi(read: Read): Answer {
  const reading = parseB3Multi(read);
  if (reading !== undefined) return explainB3(reading);
  if (read(B3_TRACE_ID) === undefined) return refused(`${B3_TRACE_ID} is missing`);
  if (read(B3_SPAN_ID) === undefined) return refused(`${B3_SPAN_ID} is missing`);
  return refused(
    'the ids must be 16 or 32 and 16 hexadecimal digits, not all zeros, and sampled 0, 1, true or false',
  );
}

function uberctxNames(headers: unknown): string[] {
  return readWithPrefix(headers, carrierGetter, UBERCTX_PREFIX, MAX_FIELDS).map(([name]) => name);
}

function explainJaeger(headers: unknown, read: Read): Answer {
  const header = read(UBER_TRACE_ID);
  const reading = header === undefined ? undefined : parseUberTraceId(header);
  if (reading !== undefined) {
    const state = reading.debug ? 'debug' : reading.sampled ? 'accept' : 'deny';
    return named(reading.traceId, reading.spanId, `continues the trace, ${B3_WORDS[state]}`);
  }
  const fault =
    header === undefined
      ? 'no uber-trace-id header'
      : `refused: ${tooLong(header, MAX_UBER_TRACE_ID_LENGTH) ?? 'not trace:span:parent:flags in hexadecimal with ids that are not zero'}`;
  if (readJaegerBaggage(headers, carrierGetter).size > 0) {
    return { accepted: true, reason: `baggage only; ${fault}` };
  }
  return header === undefined
    ? refused(`${fault}, and no baggage of at most ${MAX_BAGGAGE_BYTES} bytes with a token as key`)
    : { accepted: false, reason: fault };
}

function tooLong(header: string, limit: number): string | undefined {
  return header.length > limit ? `longer than ${limit} characters` : undefined;
}

function explainXRay(header = ''): Answer {
  const reading = readXRayHeader(header);
  if (reading === undefined)
    return refused(
      tooLong(header, MAX_XRAY_LENGTH) ??
        'not Root=1-8hex-24hex, with Parent=16hex and Sampled=0, 1 or ? when they are there',
    );
  const { traceId, spanId, state } = reading;
  if (spanId !== undefined) return named(traceId, spanId, `continues the trace, ${B3_WORDS[state]}`);
  return {
    accepted: true,
    traceId,
    reason: `names a trace and no parent: its root is here, ${state === 'deny' ? B3_WORDS.deny : B3_WORDS.defer}`,
  };
}

function explainGrpc(header = ''): Answer {
  const spanContext = parseGrpcTraceBin(header);
  return spanContext === undefined
    ? refused(
        tooLong(header, MAX_GRPC_TRACE_BIN_LENGTH) ??
          'not version 0 with a trace id and a span id, as bytes or base64',
      )
    : named(spanContext.traceId, spanContext.spanId, `continues the trace, ${flagWords(spanContext)}`);
}

function verdictOf(formats: readonly FormatExplanation[]): string {
  const withTrace = formats.filter((format) => format.traceId !== undefined);
  const [first, ...others] = withTrace;
  const bad = formats.filter((format) => format.reason.startsWith('refused') && format.format !== 'baggage');
  const faults = bad.map((format) => `${format.format} ${format.reason}`).join('; ');
  if (first === undefined) {
    return faults === '' ? 'a new trace starts: no header names one' : `a new trace starts: ${faults}`;
  }
  const foreign = others.filter((other) => other.traceId !== first.traceId).map((other) => other.format);
  let verdict = `trace ${first.traceId} is continued from ${first.format}`;
  if (foreign.length > 0)
    verdict += `; ${foreign.join(' and ')} names another trace, so the order of formats decides`;
  return faults === '' ? verdict : `${verdict}; ${faults}`;
}
