import {
  type Context,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  TraceFlags,
  type TraceState,
  trace,
} from '@opentelemetry/api';
import {
  isTracingSuppressed,
  MAX_LINES,
  printTraceparent,
  RANDOM_FLAG,
  readTraceparent,
  TRACE_FORMATS,
} from '@throughline/carrier';
import { chosenGetter, chosenSetter } from './default-carrier-access.ts';
import { clearField, readField, writeField } from './field.ts';
import { checkKnownOptions } from './known-options.ts';
import { extractedSpanContext, parentlessTrace, withRemoteSpanContext } from './remote-context.ts';
import { legalSpanContext } from './span-context.ts';
import { legalTraceState, MAX_RECEIVED_TRACE_STATE_LENGTH, MemberList } from './trace-state.ts';

const [TRACEPARENT, TRACESTATE] = TRACE_FORMATS.tracecontext;

/** Options of {@link W3CTraceContextPropagator}. */
export interface W3CTraceContextOptions {
  /**
   * Whether this process makes trace ids whose right-most 7 bytes are uniformly random, as the SDK's `RandomIdGenerator`
   * does. The random flag is then set on traces that start here. A caller's trace always keeps the caller's flag.
   *
   * Leave it off with an id generator that puts anything else into those bytes, and when another package's propagator
   * extracts: a trace that it continued looks like one that started here.
   *
   * @default false
   */
  readonly randomTraceIds?: boolean;
}

/**
 * Reads and writes W3C Trace Context Level 2: the `traceparent` and `tracestate` headers.
 *
 * Exactly one `traceparent` is accepted; two, on two lines or joined by a comma, are refused. A higher version is read
 * by the fields of version 00 and sent on as version 00. The caller's random flag is kept across SDK spans, which do
 * not carry it. A bad `tracestate` is discarded whole and does not affect the `traceparent`.
 *
 * Limits: `traceparent` 256 characters; `tracestate` 32 members, 8192 characters in, 512 out.
 *
 * Never throws, with any context, carrier or getter.
 *
 * @see https://www.w3.org/TR/trace-context-2/
 * @example
 * propagation.setGlobalPropagator(new W3CTraceContextPropagator({ randomTraceIds: true }));
 */
export class W3CTraceContextPropagator implements TextMapPropagator<unknown> {
  readonly #randomTraceIds: boolean;

  /** @throws TypeError when `randomTraceIds` is not a boolean, and for options that do not exist. */
  constructor(options: W3CTraceContextOptions = {}) {
    checkKnownOptions('W3CTraceContextPropagator', options, ['randomTraceIds']);
    const random = options.randomTraceIds ?? false;
    if (typeof random !== 'boolean') {
      throw new TypeError(
        `[throughline/propagators] W3CTraceContextPropagator: options.randomTraceIds must be a boolean, got ${typeof random}`,
      );
    }
    this.#randomTraceIds = random;
  }

  /** Returns the context that continues the carrier's trace, or `context` itself when there is no valid `traceparent`. */
  extract(context: Context, carrier: unknown, getter?: TextMapGetter): Context {
    try {
      const get = chosenGetter(getter);
      const header = readField(carrier, get, TRACEPARENT);
      if (typeof header !== 'string') return context;
      const spanContext = readTraceparent(header, readTraceState(carrier, get));
      return spanContext === undefined ? context : withRemoteSpanContext(context, spanContext);
    } catch {
      return context;
    }
  }

  /**
   * Writes `traceparent`, and `tracestate` when it has members. Writes nothing when the context has no valid span
   * context or tracing is suppressed.
   */
  inject(context: Context, carrier: unknown, setter?: TextMapSetter): void {
    try {
      if (isTracingSuppressed(context)) return;
      const current = trace.getSpanContext(context);
      const remote = extractedSpanContext(context);
      const spanContext = legalSpanContext(current, remote);
      if (spanContext === undefined) return;
      const set = chosenSetter(setter);
      // A continued trace keeps the caller's random flag, set or not: spans of the SDK do not carry it.
      const continued = remote !== undefined && remote.traceId === spanContext.traceId;
      const startedHere =
        !continued &&
        this.#randomTraceIds &&
        spanContext.isRemote !== true &&
        // The root may be here and its trace id the caller's.
        parentlessTrace(context)?.traceId !== spanContext.traceId;
      const random = startedHere ? RANDOM_FLAG : (continued ? remote : spanContext).traceFlags & RANDOM_FLAG;
      const { traceId, spanId } = spanContext;
      const traceFlags = (spanContext.traceFlags & TraceFlags.SAMPLED) | random;
      writeField(carrier, set, TRACEPARENT, printTraceparent({ traceId, spanId, traceFlags }));
      const state = safeTraceState(spanContext, current === remote);
      if (state === '') clearField(carrier, set, TRACESTATE);
      else writeField(carrier, set, TRACESTATE, state);
    } catch {
      // A context or span that cannot be read writes nothing.
    }
  }

  /** Returns `traceparent` and `tracestate`. */
  fields(): string[] {
    return [TRACEPARENT, TRACESTATE];
  }
}

function safeTraceState(spanContext: SpanContext, passedOn: boolean): string {
  if (spanContext.traceState === undefined) return '';
  try {
    return legalTraceState(spanContext.traceState, passedOn);
  } catch {
    return '';
  }
}

function readTraceState(carrier: unknown, getter: TextMapGetter): TraceState | undefined {
  const state = readField(carrier, getter, TRACESTATE);
  if (state === undefined) return undefined;
  const text = typeof state === 'string' ? state : joinLines(state);
  return text.length > 0 && text.length <= MAX_RECEIVED_TRACE_STATE_LENGTH ? new MemberList(text) : undefined;
}

/** Joins several lines into one list, in the order received (RFC 9110 5.3). Too many or too long ones become ''. */
function joinLines(lines: readonly string[]): string {
  let length = lines.length;
  for (const line of lines) length += line.length;
  if (lines.length > MAX_LINES || length > MAX_RECEIVED_TRACE_STATE_LENGTH) return '';
  return lines.join(',');
}
