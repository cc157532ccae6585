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
import { MAX_LINES } from '@throughline/core/wire';
import { chosenGetter, chosenSetter } from './default-carrier-access.ts';
import { clearField, readField, trimOws, writeField } from './field.ts';
import {
  hexDigit,
  isScratchHexPair,
  NON_ZERO,
  SCRATCH_LENGTH,
  scratchByte,
  scratchHex,
  writeScratch,
} from './hex.ts';
import { checkKnownOptions } from './known-options.ts';
import {
  isTracingSuppressed,
  parentlessTrace,
  remoteSpanContext,
  withRemoteSpanContext,
} from './remote-context.ts';
import { legalSpanContext } from './span-context.ts';
import { legalTraceState, MAX_RECEIVED_TRACE_STATE_LENGTH, MemberList } from './trace-state.ts';

export const TRACEPARENT = 'traceparent';
export const TRACESTATE = 'tracestate';

/** Bit of the trace flags that says the right-most 7 bytes of the trace id are random. */
export const RANDOM_FLAG = 0x02;

/** A future version may be longer than version 00's 55 characters; beyond this it is not read. */
export const MAX_TRACEPARENT_LENGTH = SCRATCH_LENGTH;

const DASH = 45;
const ZERO = 48;
// By the two bits this version knows.
const FLAGS = ['-00', '-01', '-02', '-03'];

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

  /** The context that continues the carrier's trace, or `context` itself when there is no valid `traceparent`. */
  extract(context: Context, carrier: unknown, getter?: TextMapGetter): Context {
    try {
      const get = chosenGetter(getter);
      const header = readField(carrier, get, TRACEPARENT);
      if (typeof header !== 'string') return context;
      const traceparent = checkedTraceparent(header);
      if (traceparent === undefined) return context;
      return withRemoteSpanContext(context, spanContextOf(traceparent, readTraceState(carrier, get)));
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
      const startedHere =
        !continued &&
        this.#randomTraceIds &&
        spanContext.isRemote !== true &&
        // The root may be here and its id the caller's.
        parentlessTrace(context)?.traceId !== spanContext.traceId;
      const random = startedHere ? RANDOM_FLAG : (continued ? remote : spanContext).traceFlags & RANDOM_FLAG;
      const flags = (spanContext.traceFlags & TraceFlags.SAMPLED) | random;
      writeField(carrier, set, TRACEPARENT, `00-${spanContext.traceId}-${spanContext.spanId}${FLAGS[flags]}`);
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

function spanContextOf(traceparent: string, traceState?: TraceState): SpanContext {
  const traceId = traceparent.slice(3, 35);
  const spanId = traceparent.slice(36, 52);
  // Only the two bits this version knows: the others must not be sent on.
  const traceFlags = hexDigit(traceparent.charCodeAt(54)) & (TraceFlags.SAMPLED | RANDOM_FLAG);
  // Two literals, because a property added afterwards costs an allocation of its own.
  return traceState === undefined
    ? { traceId, spanId, traceFlags, isRemote: true }
    : { traceId, spanId, traceFlags, isRemote: true, traceState };
}

/** The span context a `traceparent` alone names, or `undefined` when it is to be ignored. */
export function readTraceparent(header: string): SpanContext | undefined {
  const traceparent = checkedTraceparent(header);
  return traceparent === undefined ? undefined : spanContextOf(traceparent);
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

/** The `traceparent` without white space around it, or `undefined` when it is to be ignored. */
function checkedTraceparent(header: string): string | undefined {
  if (header.length < 55 || header.length > MAX_TRACEPARENT_LENGTH) return undefined;
  const text = header.length === 55 ? header : trimOws(header);
  if (text.length < 55) return undefined;
  writeScratch(text);
  if (scratchByte(2) !== DASH || scratchByte(35) !== DASH || scratchByte(52) !== DASH) return undefined;
  const isVersion00 = scratchByte(0) === ZERO && scratchByte(1) === ZERO;
  if (isVersion00 ? text.length !== 55 : !isHigherVersion(text)) return undefined;
  return scratchHex(3, 35) === NON_ZERO && scratchHex(36, 52) === NON_ZERO && isScratchHexPair(53)
    ? text
    : undefined;
}

/** Whether the text, which is in the scratch, is of a version that can be read as far as we know it. */
function isHigherVersion(text: string): boolean {
  if (!isScratchHexPair(0) || text.startsWith('ff')) return false;
  // Two headers that somebody joined: which of them to believe is not ours to guess.
  return text.length === 55 || (scratchByte(55) === DASH && !text.includes(',', 55));
}
