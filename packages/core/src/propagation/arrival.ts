import {
  type Context,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  trace,
} from '@opentelemetry/api';
import { conflictingSpanContexts, isExtractedByOurs, namesParentlessTrace } from '@throughline/carrier';
import { guarded } from '@throughline/guard';
import { filterBaggage } from '../baggage/baggage-filter.ts';
import { type ExtractionOutcome, extractionOutcome } from './extraction-outcome.ts';
import { passesTraceOn } from './pass-through.ts';
import { extractWith } from './propagation.ts';
import type { TrustDecision } from './trust.ts';

/** What a carrier brought, before any decision about trust. */
export interface Arrival {
  /** Everything that was extracted. */
  readonly received: Context;
  /** The caller's span context. Absent: the carrier names no span that can be read. */
  readonly caller: SpanContext | undefined;
  /** Whether the carrier names a trace that nothing here can read, and that can only be passed on whole. */
  readonly passedOn: boolean;
}

/** The part of an {@link Arrival} that is let in. */
export interface Admission {
  /** The context that the work starts in. */
  readonly context: Context;
  /** The caller's span context, if its trace continues. */
  readonly caller: SpanContext | undefined;
  /** {@link Arrival.passedOn}, if the trace continues. */
  readonly passedOn: boolean;
  /** The caller's span context, if a new trace starts and links to it. */
  readonly restartedFrom: SpanContext | undefined;
  /** The span contexts that the carrier names in other formats; links lead to them. */
  readonly conflicts: readonly SpanContext[];
}

const NONE: readonly SpanContext[] = [];

/** Returns what a carrier brings. Never throws: what cannot be read counts as absent. */
export function receive<C>(propagator: TextMapPropagator, carrier: C, getter: TextMapGetter<C>): Arrival {
  const received = extractWith(propagator, carrier, getter);
  return { received, caller: callerIn(received), passedOn: passesTraceOn(received) };
}

/** Returns the span context that a propagator has set, if it is a valid one. */
function callerIn(received: Context): SpanContext | undefined {
  const span = trace.getSpanContext(received);
  if (span === undefined) return undefined;
  return isExtractedByOurs(received, span) || trace.isSpanContextValid(span) ? span : undefined;
}

/** Returns how the context arrived, before anyone decided whether to trust it. Never throws. */
export function outcomeOf(
  { received, caller, passedOn }: Arrival,
  headers: Parameters<typeof extractionOutcome>[0],
  propagator: TextMapPropagator,
): ExtractionOutcome {
  if (caller !== undefined || passedOn || namesParentlessTrace(received)) return 'continued';
  return guarded('a propagator threw in fields()', () => extractionOutcome(headers, propagator), 'absent');
}

/** Returns what a trust decision lets in. Never throws. */
export function admit({ received, caller, passedOn }: Arrival, decision: TrustDecision): Admission {
  const { parent, sampled = 'respect' } = decision;
  const conflicts = parent === 'ignore' ? NONE : conflictingSpanContexts(received);
  if (parent !== 'continue') {
    const kept = propagation.getBaggage(received);
    const root = kept === undefined ? ROOT_CONTEXT : propagation.setBaggage(ROOT_CONTEXT, kept);
    const restartedFrom = parent === 'restart' ? caller : undefined;
    return {
      context: admitBaggage(root, decision),
      caller: undefined,
      passedOn: false,
      restartedFrom,
      conflicts,
    };
  }
  const context = admitBaggage(received, decision);
  if (caller === undefined || sampled === 'respect')
    return { context, caller, passedOn, restartedFrom: undefined, conflicts };
  const continued = { ...caller, traceFlags: resampled(caller.traceFlags, sampled) };
  return {
    context: trace.setSpanContext(context, continued),
    caller: continued,
    passedOn,
    restartedFrom: undefined,
    conflicts,
  };
}

/** Returns the context with the baggage that a decision lets in. */
export function admitBaggage(context: Context, { parent, baggage }: TrustDecision): Context {
  return filterBaggage(context, baggage ?? (parent === 'continue' ? 'keep' : 'drop'));
}

/**
 * Returns the caller's flags, sampled or not as the decision says. A budget is called only for callers that set the flag.
 */
function resampled(flags: number, sampled: boolean | (() => boolean)): number {
  const keeps =
    typeof sampled === 'function'
      ? (flags & 1) === 1 && guarded('a sampling budget threw', sampled, false) === true
      : sampled;
  return keeps ? flags | 1 : flags & ~1;
}
