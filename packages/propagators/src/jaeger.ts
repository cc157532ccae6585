import {
  type Baggage,
  type BaggageEntry,
  type Context,
  propagation,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import {
  carrierGetter,
  firstOf,
  isTracingSuppressed,
  MAX_BAGGAGE_BYTES,
  MAX_BAGGAGE_MEMBERS,
  TRACE_FORMATS,
  trimOws,
} from '@throughline/carrier';
import { decodeOctets, encodeOctets, isToken } from './baggage-text.ts';
import { chosenGetter, chosenSetter } from './default-carrier-access.ts';
import { canClear, clearField, readFirst, readWithPrefix, writeField } from './field.ts';
import { hexDigit, paddedId } from './hex.ts';
import { checkKnownOptions } from './known-options.ts';
import { MemberBaggage } from './member-baggage.ts';
import {
  extractedSpanContext,
  traitsOf,
  withExtractedBaggage,
  withRemoteSpanContext,
} from './remote-context.ts';
import { legalSpanContext } from './span-context.ts';

const [UBER_TRACE_ID, JAEGER_BAGGAGE] = TRACE_FORMATS.jaeger;
export const UBERCTX_PREFIX = 'uberctx-';

export const MAX_UBER_TRACE_ID_LENGTH = 256;
/** Twice as many as can count, because some may be malformed. */
export const MAX_UBERCTX_FIELDS = 2 * MAX_BAGGAGE_MEMBERS;
const DEBUG_FLAG = 2;

/** What `uber-trace-id` says. */
export interface JaegerReading {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  readonly debug: boolean;
}

/**
 * Reads and writes Jaeger's own format: the `uber-trace-id` header, and baggage in one `uberctx-<key>` header per entry.
 * Reads baggage from `jaeger-baggage` as well.
 *
 * Shorter ids are padded with zeros on the left, and `:` may arrive as `%3A`. The debug flag implies sampled, and is
 * sent on while the trace id stays the same. Extracted entries join the baggage of the context and win over it.
 * `fields()` cannot list the `uberctx-` headers, because their names contain the keys; our own setter removes left-over
 * ones.
 *
 * Limits: 64 baggage entries, 8192 bytes.
 *
 * Never throws, with any context, carrier or getter.
 *
 * @see https://www.jaegertracing.io/docs/1.76/client-libraries/#propagation-format
 * @example
 * const propagator = new CompositePropagator({ extract: [new JaegerPropagator()], inject: [] });
 */
export class JaegerPropagator implements TextMapPropagator<unknown> {
  /** @throws TypeError for any option: there are none, unlike in packages that this one replaces. */
  constructor(options: { readonly [name: string]: never } = {}) {
    checkKnownOptions('JaegerPropagator', options, []);
  }

  /** Returns the context with the carrier's trace and baggage, or `context` itself when the carrier has neither. */
  extract(context: Context, carrier: unknown, getter?: TextMapGetter): Context {
    let extracted = context;
    try {
      const get = chosenGetter(getter);
      const header = readFirst(carrier, get, UBER_TRACE_ID);
      const reading = header === undefined ? undefined : parseUberTraceId(header);
      if (reading !== undefined) {
        const { traceId, spanId, sampled, debug } = reading;
        const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
        extracted = withRemoteSpanContext(
          context,
          { traceId, spanId, traceFlags, isRemote: true },
          debug ? { debug } : undefined,
        );
      }
      const entries = readJaegerBaggage(carrier, get);
      if (entries.size > 0)
        extracted = withExtractedBaggage(extracted, merged(propagation.getBaggage(context), entries));
    } catch {
      // What was read so far counts.
    }
    return extracted;
  }

  /** Writes the trace, if the context has a valid one, and the baggage. Writes nothing when tracing is suppressed. */
  inject(context: Context, carrier: unknown, setter?: TextMapSetter): void {
    try {
      if (isTracingSuppressed(context)) return;
      const set = chosenSetter(setter);
      const spanContext = legalSpanContext(trace.getSpanContext(context), extractedSpanContext(context));
      if (spanContext !== undefined) {
        const { traceId, spanId } = spanContext;
        writeField(carrier, set, UBER_TRACE_ID, `${traceId}:${spanId}:0:0${flagsOf(context, spanContext)}`);
      }
      if (canClear(set)) {
        for (const key of carrierGetter.keys(carrier))
          if (key.toLowerCase().startsWith(UBERCTX_PREFIX)) clearField(carrier, set, key);
      }
      writeBaggage(propagation.getBaggage(context), (key, value) => writeField(carrier, set, key, value));
    } catch {
      // A context or span that cannot be read writes nothing.
    }
  }

  /** Returns `uber-trace-id`. */
  fields(): string[] {
    return [UBER_TRACE_ID];
  }
}

function flagsOf(context: Context, spanContext: SpanContext): number {
  const sampled = spanContext.traceFlags & TraceFlags.SAMPLED;
  return sampled !== 0 && traitsOf(context, spanContext)?.debug === true ? sampled | DEBUG_FLAG : sampled;
}

/** Reads `trace:span:parent:flags`. Returns `undefined` for anything else. */
export function parseUberTraceId(value: string): JaegerReading | undefined {
  if (value.length > MAX_UBER_TRACE_ID_LENGTH) return undefined;
  const parts = firstOf(value, MAX_UBER_TRACE_ID_LENGTH).replace(/%3a/gi, ':').split(':');
  const [trace = '', span = '', parent = '', flags = ''] = parts;
  if (parts.length !== 4) return undefined;
  const traceId = paddedId(trace, 32);
  const spanId = paddedId(span, 16);
  if (traceId === undefined || spanId === undefined) return undefined;
  // The parent's id is deprecated and not used, but anything other than an id shows that this is a different header.
  if (!/^(?:[0-9a-f]{1,16})?$/i.test(parent) || !/^[0-9a-f]{1,2}$/i.test(flags)) return undefined;
  const bits = hexDigit(flags.charCodeAt(flags.length - 1));
  const debug = (bits & DEBUG_FLAG) !== 0;
  return { traceId, spanId, sampled: debug || (bits & TraceFlags.SAMPLED) !== 0, debug };
}

/** Returns the entries of `uberctx-` fields and of `jaeger-baggage`. */
export function readJaegerBaggage(carrier: unknown, getter: TextMapGetter): Map<string, BaggageEntry> {
  const entries = new Map<string, BaggageEntry>();
  let bytes = 0;
  const add = (key: string, value: string) => {
    if (!isToken(key) || entries.size === MAX_BAGGAGE_MEMBERS) return;
    if (bytes + key.length + value.length > MAX_BAGGAGE_BYTES) return;
    bytes += key.length + value.length;
    entries.set(key, { value: decodeOctets(value) });
  };
  const list = readFirst(carrier, getter, JAEGER_BAGGAGE);
  if (list !== undefined && list.length <= MAX_BAGGAGE_BYTES) {
    for (const pair of list.split(',')) {
      const equals = pair.indexOf('=');
      if (equals !== -1) add(trimOws(pair.slice(0, equals)), trimOws(pair.slice(equals + 1)));
    }
  }
  for (const [name, value] of readWithPrefix(carrier, getter, UBERCTX_PREFIX, MAX_UBERCTX_FIELDS))
    if (value.length <= MAX_BAGGAGE_BYTES) add(name.slice(UBERCTX_PREFIX.length), trimOws(value));
  return entries;
}

function merged(existing: Baggage | undefined, entries: Map<string, BaggageEntry>): Baggage {
  return new MemberBaggage(undefined, new Map([...(existing?.getAllEntries() ?? []), ...entries]));
}

function writeBaggage(baggage: Baggage | undefined, write: (key: string, value: string) => void): void {
  let count = 0;
  let bytes = 0;
  for (const [key, entry] of baggage?.getAllEntries() ?? []) {
    const value: unknown = entry?.value;
    if (typeof value !== 'string' || value.length > MAX_BAGGAGE_BYTES || !isToken(key)) continue;
    const name = `${UBERCTX_PREFIX}${key}`;
    const encoded = encodeOctets(value);
    if (bytes + name.length + encoded.length > MAX_BAGGAGE_BYTES) continue;
    bytes += name.length + encoded.length;
    write(name, encoded);
    if (++count === MAX_BAGGAGE_MEMBERS) return;
  }
}
