import {
  type Baggage,
  type Context,
  diag,
  propagation,
  type Span,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { RANDOM_FLAG } from '@throughline/core/wire';
import { B3Propagator } from './b3.ts';
import { BudgetedSetter } from './budgeted-setter.ts';
import { chosenGetter, chosenSetter } from './default-carrier-access.ts';
import { GrpcTraceBinPropagator } from './grpc-trace-bin.ts';
import { JaegerPropagator } from './jaeger.ts';
import { checkKnownOptions } from './known-options.ts';
import {
  extractedSpanContext,
  type RemoteTraits,
  remoteTraits,
  withExtractedBaggage,
  withRemoteSpan,
  withRemoteSpanContext,
} from './remote-context.ts';
import { legalSpanContext } from './span-context.ts';
import { W3CBaggagePropagator } from './w3c-baggage.ts';
import { W3CTraceContextPropagator } from './w3c-trace-context.ts';
import { XRayPropagator } from './xray.ts';

/** Settings of {@link CompositePropagator}. */
export interface CompositePropagatorOptions {
  /** What is read, the most trusted format first. */
  readonly extract: readonly TextMapPropagator[];
  /** What is written. */
  readonly inject: readonly TextMapPropagator[];
}

/** One format's answer about one carrier. */
interface Candidate {
  readonly span: Span;
  readonly spanContext: SpanContext;
  readonly traits: RemoteTraits | undefined;
}

/**
 * Several formats as one propagator, with separate lists for reading and writing.
 *
 * Reading, in the configured order: the first format with a valid span context is continued. Another that names the same
 * trace adds what the first could not say (tracestate, random flag, debug, Lineage, an open sampling decision). One that
 * names a different trace changes nothing and is recorded for {@link conflictingSpanContexts}. A bare "do not record"
 * without ids counts only when no format names a trace. Baggage of all formats is merged; for a key in several, the first
 * format's entry wins.
 *
 * A propagator that is malformed, empty or throws never hides another, in either direction; the first throw of each
 * is reported to `diag`.
 *
 * Writing: every listed propagator writes its own fields, 12 KB in all at most, so that the request still fits into the
 * 16 KB of headers that a Node server takes. W3C baggage has its 8192 bytes first; of Jaeger's `uberctx-` fields whole ones
 * are left out.
 *
 * @example
 * propagation.setGlobalPropagator(
 *   new CompositePropagator({
 *     extract: [new W3CTraceContextPropagator(), new B3Propagator(), new W3CBaggagePropagator()],
 *     inject: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
 *   }),
 * );
 */
export class CompositePropagator implements TextMapPropagator<unknown> {
  readonly #extract: readonly TextMapPropagator[];
  readonly #inject: readonly TextMapPropagator[];
  /** The same, those that give each member of baggage a field of its own behind the others: they can do with less room. */
  readonly #writers: readonly TextMapPropagator[];
  readonly #needsBudget: boolean;
  readonly #reported = new WeakSet<TextMapPropagator>();

  /**
   * @throws TypeError when a list is missing or holds something that has no `extract()` and `inject()`, and for options that
   * do not exist.
   */
  constructor(options: CompositePropagatorOptions) {
    this.#extract = checkedList(options, 'extract');
    this.#inject = checkedList(options, 'inject');
    checkKnownOptions('CompositePropagator', options, ['extract', 'inject']);
    const isLast = (propagator: TextMapPropagator) => propagator instanceof JaegerPropagator;
    this.#writers = [...this.#inject.filter((one) => !isLast(one)), ...this.#inject.filter(isLast)];
    this.#needsBudget = this.#inject.length > 1 && !this.#inject.every(writesLittle);
  }

  /** The context with what the formats agreed on, or `context` itself when none of them found anything. */
  extract(context: Context, carrier: unknown, getter?: TextMapGetter): Context {
    const get = chosenGetter(getter);
    const [only, second] = this.#extract;
    if (only !== undefined && second === undefined) return this.#extractWith(only, context, carrier, get);
    try {
      return this.#extractAll(context, carrier, get);
    } catch {
      return context;
    }
  }

  /** Lets each listed propagator write. */
  inject(context: Context, carrier: unknown, setter?: TextMapSetter): void {
    const chosen = chosenSetter(setter);
    const set = this.#needsBudget ? new BudgetedSetter(chosen) : chosen;
    for (const propagator of this.#writers) {
      try {
        propagator.inject(context, carrier, set);
      } catch {
        this.#report(propagator, 'inject');
      }
    }
  }

  /** Every field that `inject` may write, each once. */
  fields(): string[] {
    const fields = new Set<string>();
    for (const propagator of this.#inject) {
      try {
        for (const field of propagator.fields()) fields.add(field);
      } catch {
        this.#report(propagator, 'fields');
      }
    }
    return [...fields];
  }

  #extractAll(context: Context, carrier: unknown, getter: TextMapGetter): Context {
    let current = context;
    let span = trace.getSpan(context);
    let baggage = propagation.getBaggage(context);
    const found: Candidate[] = [];
    const baggages: Baggage[] = [];
    for (const propagator of this.#extract) {
      let next = this.#extractWith(propagator, current, carrier, getter);
      if (next === current) continue;
      const nextSpan = trace.getSpan(next);
      if (nextSpan !== span) {
        const candidate = candidateIn(next, nextSpan);
        if (candidate === undefined) {
          next = span === undefined ? trace.deleteSpan(next) : trace.setSpan(next, span);
        } else {
          found.push(candidate);
          span = nextSpan;
        }
      }
      const nextBaggage = propagation.getBaggage(next);
      if (nextBaggage !== undefined && nextBaggage !== baggage) baggages.push(nextBaggage);
      baggage = nextBaggage;
      current = next;
    }
    // The last format's answer stands in the context by now, which is right when it was the only one.
    if (baggages.length > 1) current = withExtractedBaggage(current, baggages.reduce(mergeBaggage));
    return found.length > 1 ? withCandidates(current, found) : current;
  }

  #extractWith(
    propagator: TextMapPropagator,
    context: Context,
    carrier: unknown,
    getter: TextMapGetter,
  ): Context {
    try {
      return propagator.extract(context, carrier, getter) ?? context;
    } catch {
      this.#report(propagator, 'extract');
      return context;
    }
  }

  /** Without the error, whose message could quote the carrier. */
  #report(propagator: TextMapPropagator, method: string): void {
    if (this.#reported.has(propagator)) return;
    this.#reported.add(propagator);
    diag.warn(
      `[throughline/propagators] ${propagator.constructor?.name ?? 'a propagator'}.${method}() threw; its format is left out`,
    );
  }
}

/** Ours with limits that leave room for each other: all but Jaeger's baggage. */
function writesLittle(propagator: TextMapPropagator): boolean {
  return LIMITED.some((limited) => propagator instanceof limited);
}

const LIMITED = [
  W3CTraceContextPropagator,
  W3CBaggagePropagator,
  B3Propagator,
  XRayPropagator,
  GrpcTraceBinPropagator,
];

function candidateIn(context: Context, span: Span | undefined): Candidate | undefined {
  const current = span?.spanContext();
  const remote = extractedSpanContext(context);
  const spanContext = legalSpanContext(current, remote);
  if (span === undefined || spanContext === undefined) return undefined;
  // A propagator of another make leaves what ours remembered about an earlier format.
  return { span, spanContext, traits: current === remote ? remoteTraits(context) : undefined };
}

function withCandidates(context: Context, found: readonly Candidate[]): Context {
  const named = found.filter((candidate) => candidate.traits?.placeholder !== true);
  const [first, ...others] = named.length === 0 ? found.slice(0, 1) : named;
  if (first === undefined) return context;
  let winner = first;
  const conflicts: SpanContext[] = [];
  for (const other of others) {
    if (other.spanContext.traceId === first.spanContext.traceId) winner = mergeCandidates(winner, other);
    else conflicts.push(other.spanContext);
  }
  const recorded = conflicts.length === 0 ? undefined : conflicts;
  return winner === first && first.span.spanContext() === first.spanContext
    ? withRemoteSpan(context, first.span, first.spanContext, first.traits, recorded)
    : withRemoteSpanContext(context, winner.spanContext, winner.traits, recorded);
}

function mergeCandidates(winner: Candidate, other: Candidate): Candidate {
  const { traits: mine } = winner;
  const { traits: theirs } = other;
  const undecided = mine?.deferred === true;
  const decider = undecided && theirs?.deferred !== true ? other : winner;
  const traceFlags =
    (decider.spanContext.traceFlags & TraceFlags.SAMPLED) |
    ((winner.spanContext.traceFlags | other.spanContext.traceFlags) & RANDOM_FLAG);
  const traceState = winner.spanContext.traceState ?? other.spanContext.traceState;
  const spanContext: SpanContext = { ...winner.spanContext, traceFlags };
  if (traceState !== undefined) spanContext.traceState = traceState;
  const sampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
  const lineage = mine?.lineage ?? theirs?.lineage;
  const traits: RemoteTraits = {
    deferred: undecided && theirs?.deferred === true,
    // Debug is accept, so it cannot join a decision not to record.
    debug: sampled && (mine?.debug === true || theirs?.debug === true),
    ...(lineage === undefined ? undefined : { lineage }),
  };
  return { span: winner.span, spanContext, traits };
}

/**
 * The first format's entries win; a later one fills gaps: entries, and properties of entries with the same value. A format
 * whose keys are names of fields may have lost their letter case on the way, so that such an entry counts as the same.
 */
function mergeBaggage(first: Baggage, other: Baggage): Baggage {
  let merged = first;
  const spellings = new Map(first.getAllEntries().map(([key]) => [key.toLowerCase(), key]));
  for (const [key, entry] of other.getAllEntries()) {
    const lower = key.toLowerCase();
    const spelling = spellings.get(lower);
    const isRespelt =
      spelling !== undefined &&
      merged.getEntry(key) === undefined &&
      (key === lower || spelling === lower) &&
      merged.getEntry(spelling)?.value === entry.value;
    const known = isRespelt ? spelling : key;
    const mine = merged.getEntry(known);
    const better = mine?.value === entry.value && mine.metadata === undefined ? entry : (mine ?? entry);
    // Lower case is what a header's name becomes; the other spelling is the entry's own.
    const kept = key === lower ? known : key;
    if (kept !== known) merged = merged.removeEntry(known);
    if (kept !== known || better !== mine) merged = merged.setEntry(kept, better);
  }
  return merged;
}

function checkedList(
  options: CompositePropagatorOptions,
  name: 'extract' | 'inject',
): readonly TextMapPropagator[] {
  const list: unknown = options?.[name];
  if (!Array.isArray(list)) {
    throw new TypeError(
      `[throughline/propagators] CompositePropagator: options.${name} must be an array of propagators, got ${list === null ? 'null' : typeof list}`,
    );
  }
  for (const [index, item] of list.entries()) {
    if (typeof item?.extract !== 'function' || typeof item?.inject !== 'function') {
      throw new TypeError(
        `[throughline/propagators] CompositePropagator: options.${name}[${index}] must have extract() and inject(), got ${item === null ? 'null' : typeof item}`,
      );
    }
  }
  // The same object twice would only do the same work twice.
  return [...new Set(list as TextMapPropagator[])];
}
