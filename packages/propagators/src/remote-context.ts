import {
  type Baggage,
  type Context,
  createContextKey,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  trace,
} from '@opentelemetry/api';
import { CONFLICTS_KEY, EXTRACTED_KEY, PARENTLESS_KEY } from '@throughline/carrier';

/**
 * What a wire format says about a trace beyond the API's `SpanContext`.
 *
 * The traits belong to one trace id, so that a context that later holds another trace never sends them.
 */
export interface RemoteTraits {
  /** The caller left the sampling decision to this service; true only until a local span exists. Absent: it decided. */
  readonly deferred?: boolean;
  /** The caller asks for this trace to be recorded, against any sampler (B3 `d`, Jaeger flag 2). Absent: it does not. */
  readonly debug?: boolean;
  /** AWS X-Ray's loop detector, sent on as received. Absent: there is none. */
  readonly lineage?: string | undefined;
  /** The ids were made here, because the caller sent only a decision (`b3: 0`). Absent: they are the caller's. */
  readonly placeholder?: boolean;
}

// Constants of this module: an import is looked up at every read, and each look into a context compares all of them.
const CONFLICTS = CONFLICTS_KEY;
const EXTRACTED = EXTRACTED_KEY;
const EXTRAS_KEY = createContextKey('Throughline remote span context extras');

// The API does not export its two keys. A probe that it writes to finds them in every version.
const SPAN_KEY = keyUsedBy((probe) => trace.setSpan(probe, trace.wrapSpanContext({} as SpanContext)));
const BAGGAGE_KEY = keyUsedBy((probe) => propagation.setBaggage(probe, propagation.createBaggage()));

const OWN_KEYS = new Set([SPAN_KEY, BAGGAGE_KEY, EXTRACTED, EXTRAS_KEY, CONFLICTS]);

function keyUsedBy(write: (probe: Context) => unknown): symbol {
  let found: symbol = EXTRACTED;
  write({
    getValue: () => undefined,
    setValue(key) {
      found = key;
      return ROOT_CONTEXT;
    },
    deleteValue: () => ROOT_CONTEXT,
  });
  return found;
}

/** What belongs to a remote span context; most have nothing. */
interface Extras {
  readonly traits: RemoteTraits | undefined;
  readonly conflicts: readonly SpanContext[] | undefined;
}

/** In place of a span that is made at the first read. */
const NOT_MADE = Symbol('span not made yet');

/** In place of the base context's baggage: looking it up only when it is read saves 5 ns per extraction. */
const INHERITED = Symbol('baggage of the base context');

/**
 * A context that holds the propagated values as plain fields over a base context.
 *
 * `extract` would otherwise copy the base's whole map once per value. Setting a span on it, which every request does next,
 * also makes one small object only. These contexts never stack: the base is always of another class.
 */
class RemoteContext implements Context {
  readonly base: Context;
  span: unknown;
  readonly baggage: unknown;
  readonly remote: unknown;
  readonly extras: unknown;

  constructor(base: Context, span: unknown, baggage: unknown, remote: unknown, extras: unknown) {
    this.base = base;
    this.span = span;
    this.baggage = baggage;
    this.remote = remote;
    this.extras = extras;
  }

  getValue(key: symbol): unknown {
    if (key === SPAN_KEY) {
      if (this.span === NOT_MADE) this.span = trace.wrapSpanContext(this.remote as SpanContext);
      return this.span;
    }
    if (key === BAGGAGE_KEY && this.baggage !== INHERITED) return this.baggage;
    if (key === EXTRACTED) return this.remote;
    if (key === EXTRAS_KEY) return this.extras;
    if (key === CONFLICTS) return (this.extras as Extras | undefined)?.conflicts;
    return this.base.getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    const { base, span, baggage, remote, extras } = this;
    if (key === SPAN_KEY) return new RemoteContext(base, value, baggage, remote, extras);
    if (key === BAGGAGE_KEY) return new RemoteContext(base, span, value, remote, extras);
    if (key === EXTRACTED) return new RemoteContext(base, this.getValue(SPAN_KEY), baggage, value, extras);
    if (key === EXTRAS_KEY) return new RemoteContext(base, span, baggage, remote, value);
    if (key === CONFLICTS) {
      const traits = (extras as Extras | undefined)?.traits;
      return new RemoteContext(base, span, baggage, remote, { traits, conflicts: value });
    }
    return new RemoteContext(base.setValue(key, value), span, baggage, remote, extras);
  }

  deleteValue(key: symbol): Context {
    if (OWN_KEYS.has(key)) return this.setValue(key, undefined);
    return new RemoteContext(this.base.deleteValue(key), this.span, this.baggage, this.remote, this.extras);
  }
}

/** Returns the context that continues `spanContext`, without what an earlier extraction left. */
export function withRemoteSpanContext(
  context: Context,
  spanContext: SpanContext,
  traits?: RemoteTraits,
  conflicts?: readonly SpanContext[],
): Context {
  return withRemote(context, NOT_MADE, spanContext, traits, conflicts);
}

/** Like {@link withRemoteSpanContext}, for a span that exists already, so that its identity is kept. */
export function withRemoteSpan(
  context: Context,
  span: Span,
  spanContext: SpanContext,
  traits?: RemoteTraits,
  conflicts?: readonly SpanContext[],
): Context {
  return withRemote(context, span, spanContext, traits, conflicts);
}

function withRemote(
  context: Context,
  span: unknown,
  spanContext: SpanContext,
  traits: RemoteTraits | undefined,
  conflicts: readonly SpanContext[] | undefined,
): Context {
  const extras = traits === undefined && conflicts === undefined ? undefined : { traits, conflicts };
  return context instanceof RemoteContext
    ? new RemoteContext(context.base, span, context.baggage, spanContext, extras)
    : new RemoteContext(context, span, INHERITED, spanContext, extras);
}

/** Returns the context with this baggage in place of its own. */
export function withExtractedBaggage(context: Context, baggage: Baggage): Context {
  return context instanceof RemoteContext
    ? context.setValue(BAGGAGE_KEY, baggage)
    : new RemoteContext(
        context,
        context.getValue(SPAN_KEY),
        baggage,
        context.getValue(EXTRACTED),
        context.getValue(EXTRAS_KEY),
      );
}

/** Returns the span context that one of this package's propagators extracted into `context`. */
export function extractedSpanContext(context: Context): SpanContext | undefined {
  return context.getValue(EXTRACTED) as SpanContext | undefined;
}

/** Returns the traits of the trace of `spanContext`, or `undefined` when they belong to another trace. */
export function traitsOf(context: Context, spanContext: SpanContext): RemoteTraits | undefined {
  const traits = remoteTraits(context);
  if (traits === undefined) return undefined;
  const remote = extractedSpanContext(context);
  return remote !== undefined && remote.traceId === spanContext.traceId ? traits : undefined;
}

/** Returns the traits that the last extraction into `context` found. */
export function remoteTraits(context: Context): RemoteTraits | undefined {
  return (context.getValue(EXTRAS_KEY) as Extras | undefined)?.traits;
}

/** Whether the caller left the decision open and no local span has taken the remote one's place. */
export function isStillDeferred(context: Context, spanContext: SpanContext): boolean {
  return (
    traitsOf(context, spanContext)?.deferred === true &&
    extractedSpanContext(context)?.spanId === spanContext.spanId
  );
}

/** A trace that the caller named without a span: the first span here is its root. */
export interface ParentlessTrace {
  readonly traceId: string;
  readonly state: 'accept' | 'defer';
  readonly lineage: string | undefined;
}

/** Returns the context in which the next root belongs to `trace`. */
export function withParentlessTrace(context: Context, trace: ParentlessTrace): Context {
  return context.setValue(PARENTLESS_KEY, trace);
}

/** Returns the trace that a carrier named without a parent, even if a span belongs to it by now. */
export function parentlessTrace(context: Context): ParentlessTrace | undefined {
  return context.getValue(PARENTLESS_KEY) as ParentlessTrace | undefined;
}

/**
 * Returns the trace id for a root that starts in `context`, if the caller named a trace and no span: AWS load balancers
 * send `X-Amzn-Trace-Id: Root=…` alone. Returns `undefined` if the caller named none, or the context has a span.
 *
 * The API passes ids to a span only through its parent, so the id generator must call this function. That of
 * `startTracing()` does, and Throughline starts such roots with this context active.
 *
 * @example
 * const random = new RandomIdGenerator();
 * const idGenerator = {
 *   generateTraceId: () => rootTraceId(context.active()) ?? random.generateTraceId(),
 *   generateSpanId: () => random.generateSpanId(),
 * };
 */
export function rootTraceId(context: Context): string | undefined {
  const named = parentlessTrace(context);
  return named === undefined || trace.getSpan(context) !== undefined ? undefined : named.traceId;
}

/**
 * Returns whether the remote parent in `context` left the sampling decision to the receiver (B3 without a state, X-Ray
 * `Sampled=?` or no `Sampled`).
 *
 * The remote span context then carries the sampled flag, because a parent-based sampler knows only yes and no, and "no"
 * would lose the trace. A sampler whose root rule should decide calls this function first.
 *
 * @example
 * const sampler = new ParentBasedSampler({
 *   root,
 *   remoteParentSampled: {
 *     shouldSample: (context, ...rest) =>
 *       (isSamplingDeferred(context) ? root : new AlwaysOnSampler()).shouldSample(context, ...rest),
 *   },
 * });
 */
export function isSamplingDeferred(context: Context): boolean {
  const spanContext = trace.getSpanContext(context);
  return spanContext !== undefined && isStillDeferred(context, spanContext);
}
