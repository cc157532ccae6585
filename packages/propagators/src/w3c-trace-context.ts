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
import { MAX_LINES } from './carrier.ts';
import { chosenGetter, chosenSetter, clearField, isOws, readField, writeField } from './field.ts';
import { ALL_ZERO, hexBytes, hexDigit, NON_ZERO, NOT_HEX } from './hex.ts';
import { isTracingSuppressed, remoteSpanContext, withRemoteSpanContext } from './remote-context.ts';
import { legalSpanContext } from './span-context.ts';
import { legalTraceState, MAX_RECEIVED_TRACE_STATE_LENGTH, MemberList } from './trace-state.ts';

export const TRACEPARENT = 'traceparent';
export const TRACESTATE = 'tracestate';

/** Bit of the trace flags that says the right-most 7 bytes of the trace id are random. */
export const RANDOM_FLAG = 0x02;

/** A future version may be longer than version 00's 55 characters; beyond this it is not read. */
export const MAX_TRACEPARENT_LENGTH = 256;

/** Settings of {@link W3CTraceContextPropagator}. */
export interface W3CTraceContextOptions {
  /**
   * Says that this process makes trace ids whose right-most 7 bytes are uniformly random, as the SDK's
   * `RandomIdGenerator` does. The random flag is then set on traces that start here. Traces that came from a caller keep
   * the caller's flag either way.
   *
   * Leave it off with an id generator of your own that puts anything else into those bytes, and when some other
   * package's propagator extracts: a trace it continued looks like one that started here.
   *
   * @default false
   */
  readonly randomTraceIds?: boolean;
}

/**
 * W3C Trace Context Level 2: the `traceparent` and `tracestate` headers.
 *
 * Extracting accepts exactly one `traceparent`; two, or two joined by a comma, are refused. A higher version is read by
 * the fields this version knows and goes out as version 00. The random flag of the caller is kept across SDK spans,
 * which do not carry it. A bad `tracestate` is discarded whole and never costs the `traceparent`.
 *
 * Limits: `traceparent` 256 characters; `tracestate` 32 members, 8192 characters in, 512 out.
 *
 * Never throws, whatever the context, the carrier or the getter is.
 *
 * @see https://www.w3.org/TR/trace-context-2/
 * @example
 * propagation.setGlobalPropagator(new W3CTraceContextPropagator({ randomTraceIds: true }));
 */
export class W3CTraceContextPropagator implements TextMapPropagator<unknown> {
  readonly #randomTraceIds: boolean;

  /** @throws TypeError when `options` is not an object or `randomTraceIds` not a boolean. */
  constructor(options: W3CTraceContextOptions = {}) {
    const random = options?.randomTraceIds ?? false;
    if (typeof options !== 'object' || typeof random !== 'boolean') {
      throw new TypeError(
        `[throughline/propagators] W3CTraceContextPropagator: options.randomTraceIds must be a boolean, got ${typeof random}`,
      );
    }
    this.#randomTraceIds = random;
  }

  /** The context that continues the carrier's trace, or `context` itself when there is no valid `traceparent`. */
  extract(context: Context, carrier: unknown, getter?: TextMapGetter): Context {
    try {
      const get = chosenGetter(getter);
      const header = readField(carrier, get, TRACEPARENT);
      if (typeof header !== 'string') return context;
      const start = traceparentStart(header);
      if (start === -1) return context;
      return withRemoteSpanContext(context, spanContextAt(header, start, readTraceState(carrier, get)));
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
      const remote = remoteSpanContext(context);
      const spanContext = legalSpanContext(current, remote);
      if (spanContext === undefined) return;
      const set = chosenSetter(setter);
      // A continued trace keeps the caller's random flag, set or not, whatever the SDK's spans say.
      const continued = remote !== undefined && remote.traceId === spanContext.traceId;
      const startedHere = !continued && this.#randomTraceIds && spanContext.isRemote !== true;
      const random = startedHere ? RANDOM_FLAG : (continued ? remote : spanContext).traceFlags & RANDOM_FLAG;
      const flags = (spanContext.traceFlags & TraceFlags.SAMPLED) | random;
      writeField(carrier, set, TRACEPARENT, `00-${spanContext.traceId}-${spanContext.spanId}-0${flags}`);
      const state = safeTraceState(spanContext, current === remote);
      if (state === '') clearField(carrier, set, TRACESTATE);
      else writeField(carrier, set, TRACESTATE, state);
    } catch {
      // A context or span that cannot be read has nothing to say.
    }
  }

  /** `traceparent` and `tracestate`. */
  fields(): string[] {
    return [TRACEPARENT, TRACESTATE];
  }
}

function spanContextAt(header: string, start: number, traceState?: TraceState): SpanContext {
  const traceId = header.slice(start + 3, start + 35);
  const spanId = header.slice(start + 36, start + 52);
  // Only the two bits this version knows: the others must not be sent on.
  const traceFlags = hexDigit(header.charCodeAt(start + 54)) & (TraceFlags.SAMPLED | RANDOM_FLAG);
  // Two literals, because a property added afterwards costs an allocation of its own.
  return traceState === undefined
    ? { traceId, spanId, traceFlags, isRemote: true }
    : { traceId, spanId, traceFlags, isRemote: true, traceState };
}

/** The span context a `traceparent` alone names, or `undefined` when it is to be ignored. */
export function readTraceparent(header: string): SpanContext | undefined {
  const start = traceparentStart(header);
  return start === -1 ? undefined : spanContextAt(header, start);
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

/** Several fields are one list in the order they came (RFC 9110 5.3). */
function joinLines(lines: readonly string[]): string {
  let length = lines.length;
  for (const line of lines) length += line.length;
  if (lines.length > MAX_LINES || length > MAX_RECEIVED_TRACE_STATE_LENGTH) return '';
  return lines.join(',');
}

const encoder = new TextEncoder();
// Scratch for one header. Looking at bytes here is twice as fast as asking the string for each character.
const bytes = new Uint8Array(3 * MAX_TRACEPARENT_LENGTH);

/** Where the version begins in an acceptable `traceparent`, or -1 when it is to be ignored. */
function traceparentStart(header: string): number {
  let end = header.length;
  if (end > MAX_TRACEPARENT_LENGTH) return -1;
  let start = 0;
  while (start < end && isOws(header.charCodeAt(start))) start++;
  while (end > start && isOws(header.charCodeAt(end - 1))) end--;
  const length = end - start;
  if (length < 55) return -1;
  // A character beyond ASCII becomes bytes that no check below lets pass, so positions in the two agree.
  encoder.encodeInto(header, bytes);
  const dashes = bytes[start + 2] === 45 && bytes[start + 35] === 45 && bytes[start + 52] === 45;
  const version = hexBytes(bytes, start, start + 2);
  if (!dashes || version === NOT_HEX) return -1;
  if (version === ALL_ZERO) {
    if (length !== 55) return -1;
  } else {
    if (bytes[start] === 102 && bytes[start + 1] === 102) return -1;
    if (length > 55 && bytes[start + 55] !== 45) return -1;
    // Two headers that somebody joined: which of them to believe is not ours to guess.
    if (length > 55 && header.indexOf(',', start + 55) !== -1) return -1;
  }
  return hexBytes(bytes, start + 3, start + 35) === NON_ZERO &&
    hexBytes(bytes, start + 36, start + 52) === NON_ZERO &&
    hexBytes(bytes, start + 53, start + 55) !== NOT_HEX
    ? start
    : -1;
}
