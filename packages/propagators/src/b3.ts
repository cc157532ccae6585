import {
  type Context,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { firstOf, isTracingSuppressed, TRACE_FORMATS } from '@throughline/carrier';
import { chosenGetter, chosenSetter } from './default-carrier-access.ts';
import { clearField, readFirst, writeField } from './field.ts';
import { paddedId } from './hex.ts';
import { checkKnownOptions } from './known-options.ts';
import {
  extractedSpanContext,
  isStillDeferred,
  type RemoteTraits,
  traitsOf,
  withRemoteSpanContext,
} from './remote-context.ts';
import { legalSpanContext, placeholderSpanContext } from './span-context.ts';

const [B3_SINGLE] = TRACE_FORMATS.b3;
const [B3_TRACE_ID, B3_SPAN_ID, B3_SAMPLED, B3_FLAGS] = TRACE_FORMATS.b3multi;

// 32 + 1 + 16 + 1 + 1 + 1 + 16.
const MAX_SINGLE_LENGTH = 68;

/** Options of {@link B3Propagator}. */
export interface B3Options {
  /**
   * The encoding to write: `'single'`, the `b3` header, or `'multi'`, the `x-b3-*` headers. Both are always read.
   *
   * @default 'single'
   */
  readonly inject?: 'single' | 'multi';
}

/** What the headers of one B3 encoding say. */
export interface B3Reading {
  /** Absent: the headers hold a decision and name no trace. */
  readonly ids?: { readonly traceId: string; readonly spanId: string };
  readonly state: 'accept' | 'deny' | 'debug' | 'defer';
}

/**
 * Reads and writes B3, the format of Zipkin. Reads the `b3` header and, when that is absent or malformed, the `x-b3-*`
 * headers; writes one of the two encodings.
 *
 * The four states are distinguished. *Accept* and *deny* are the sampled flag. *Debug* is accept, and is sent on as debug
 * in either encoding while the trace id stays the same. *Defer* (no state) leaves the decision to the receiving SDK: the
 * remote span context carries the sampled flag, so that a parent-based sampler records the trace instead of dropping it.
 * {@link isSamplingDeferred} shows it to a sampler, and without a local span it is sent on as deferred.
 *
 * `b3: 0`, or `x-b3-sampled: 0` alone, is honoured: the context gets an unsampled remote parent with ids made here, so
 * that neither this service nor the next records. `1` and `d` without ids name no trace and leave the context alone.
 *
 * 64-bit trace ids are padded with zeros on the left. Upper case becomes lower case. Of several values the first counts.
 *
 * Never throws, with any context, carrier or getter.
 *
 * @see https://github.com/openzipkin/b3-propagation
 * @example
 * propagation.setGlobalPropagator(new B3Propagator({ inject: 'multi' }));
 */
export class B3Propagator implements TextMapPropagator<unknown> {
  readonly #multi: boolean;

  /** @throws TypeError when `options.inject` is neither `'single'` nor `'multi'`, and for options that do not exist. */
  constructor(options: B3Options = {}) {
    checkKnownOptions('B3Propagator', options, ['inject']);
    const inject: unknown = options.inject ?? 'single';
    if (inject !== 'single' && inject !== 'multi') {
      throw new TypeError(
        `[throughline/propagators] B3Propagator: options.inject must be 'single' or 'multi', got ${String(inject)}`,
      );
    }
    this.#multi = inject === 'multi';
  }

  /** Returns the context that continues the carrier's trace, or `context` itself when neither encoding is valid. */
  extract(context: Context, carrier: unknown, getter?: TextMapGetter): Context {
    try {
      const get = chosenGetter(getter);
      const single = readFirst(carrier, get, B3_SINGLE);
      const reading =
        (single === undefined ? undefined : parseB3Single(single)) ??
        parseB3Multi((field) => readFirst(carrier, get, field));
      if (reading === undefined) return context;
      if (reading.ids === undefined) {
        return reading.state === 'deny'
          ? withRemoteSpanContext(context, placeholderSpanContext(), { placeholder: true })
          : context;
      }
      const spanContext: SpanContext = {
        ...reading.ids,
        traceFlags: reading.state === 'deny' ? TraceFlags.NONE : TraceFlags.SAMPLED,
        isRemote: true,
      };
      return withRemoteSpanContext(context, spanContext, traitsFor(reading.state));
    } catch {
      return context;
    }
  }

  /** Writes B3 unless the context has no valid span context or tracing is suppressed. */
  inject(context: Context, carrier: unknown, setter?: TextMapSetter): void {
    try {
      if (isTracingSuppressed(context)) return;
      const spanContext = legalSpanContext(trace.getSpanContext(context), extractedSpanContext(context));
      if (spanContext === undefined) return;
      const state = stateOf(context, spanContext);
      const set = chosenSetter(setter);
      const { traceId, spanId } = spanContext;
      if (!this.#multi) {
        writeField(carrier, set, B3_SINGLE, `${traceId}-${spanId}${state === '' ? '' : `-${state}`}`);
        return;
      }
      writeField(carrier, set, B3_TRACE_ID, traceId);
      writeField(carrier, set, B3_SPAN_ID, spanId);
      // Debug implies accept. With both, receivers would have to choose.
      if (state === '0' || state === '1') writeField(carrier, set, B3_SAMPLED, state);
      else clearField(carrier, set, B3_SAMPLED);
      if (state === 'd') writeField(carrier, set, B3_FLAGS, '1');
      else clearField(carrier, set, B3_FLAGS);
    } catch {
      // A context or span that cannot be read writes nothing.
    }
  }

  /** Returns `b3`, or the four `x-b3-*` headers that may be written. */
  fields(): string[] {
    return this.#multi ? [...TRACE_FORMATS.b3multi] : [B3_SINGLE];
  }
}

function traitsFor(state: B3Reading['state']): RemoteTraits | undefined {
  if (state === 'debug') return { debug: true };
  return state === 'defer' ? { deferred: true } : undefined;
}

function stateOf(context: Context, spanContext: SpanContext): '' | '0' | '1' | 'd' {
  if (isStillDeferred(context, spanContext)) return '';
  if (traitsOf(context, spanContext)?.debug === true) return 'd';
  return (spanContext.traceFlags & TraceFlags.SAMPLED) !== 0 ? '1' : '0';
}

/**
 * Reads `traceid-spanid[-state][-parentid]`, or a state alone. Returns `undefined` for anything else. The parent's id is
 * not used, so only its form is checked.
 */
export function parseB3Single(value: string): B3Reading | undefined {
  const parts = firstOf(value, MAX_SINGLE_LENGTH).split('-', 5);
  const [trace = '', span, ...optional] = parts;
  if (span === undefined) {
    const alone = singleState(trace);
    return alone === undefined ? undefined : { state: alone };
  }
  const state = optional[0]?.length === 16 ? undefined : optional.shift();
  const [parent, ...more] = optional;
  const ids = parseIds(trace, span);
  const decided = state === undefined ? 'defer' : singleState(state);
  if (ids === undefined || decided === undefined || more.length > 0) return undefined;
  return parent === undefined || UNUSED_ID.test(parent) ? { ids, state: decided } : undefined;
}

/** The form of an id, zeros included. */
const UNUSED_ID = /^[0-9a-f]{16}$/i;

function singleState(state: string): 'accept' | 'deny' | 'debug' | undefined {
  if (state === '1') return 'accept';
  if (state === '0') return 'deny';
  return state === 'd' ? 'debug' : undefined;
}

/**
 * Reads the `x-b3-*` headers. Returns `undefined` when they say nothing or one is malformed. Empty ones count as absent.
 */
export function parseB3Multi(read: (field: string) => string | undefined): B3Reading | undefined {
  const trace = firstOf(read(B3_TRACE_ID) ?? '', 32);
  const span = firstOf(read(B3_SPAN_ID) ?? '', 16);
  const state = multiState(firstOf(read(B3_SAMPLED) ?? '', 5), firstOf(read(B3_FLAGS) ?? '', 1));
  if (state === undefined) return undefined;
  if (trace === '' && span === '') return state === 'defer' ? undefined : { state };
  const ids = parseIds(trace, span);
  return ids === undefined ? undefined : { ids, state };
}

function multiState(sampled: string, flags: string): B3Reading['state'] | undefined {
  if (flags === '1') return 'debug';
  // Tracers older than the specification wrote words.
  switch (sampled.toLowerCase()) {
    case '':
      return 'defer';
    case '1':
    case 'true':
      return 'accept';
    case '0':
    case 'false':
      return 'deny';
    default:
      return undefined;
  }
}

function parseIds(trace: string, span: string): B3Reading['ids'] {
  if ((trace.length !== 32 && trace.length !== 16) || span.length !== 16) return undefined;
  const traceId = paddedId(trace, 32);
  const spanId = paddedId(span, 16);
  return traceId === undefined || spanId === undefined ? undefined : { traceId, spanId };
}
