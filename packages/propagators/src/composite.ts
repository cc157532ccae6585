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
import { RANDOM_FLAG } from '@throughline/carrier';
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

/** Options of {@link CompositePropagator}. */
export interface CompositePropagatorOptions {
  /** The propagators that read, the most trusted format first. */
  readonly extract: readonly TextMapPropagator[];
  /** The propagators that write. */
  readonly inject: readonly TextMapPropagator[];
}

/** The trace that one format names in a carrier. */
interface Candidate {
  readonly span: Span;
  readonly spanContext: SpanContext;
  readonly traits: RemoteTraits | undefined;
}

/**
 * Combines several formats into one propagator, with separate lists for reading and writing.
 *
 * Reading, in the configured order: the first format with a valid span context is continued. Another format with the
 * same trace adds what the first cannot express (tracestate, random flag, debug, Lineage, an open sampling decision). A
 * format with a different trace changes nothing and is recorded for {@link conflictingSpanContexts}. A "do not record"
 * without ids counts only when no format names a trace. Baggage of all formats is merged; if a key occurs in several,
 * the first format's entry wins.
 *
 * A format that is malformed or absent, or whose propagator throws, never hides another, in either direction. The first
 * error of each propagator is reported to `diag`.
 *
 * Writing: every listed propagator writes its own fields, at most 12 KB together, so that the request fits into the 16
 * KB of headers that a Node server accepts. W3C baggage has its 8192 bytes first; Jaeger's `uberctx-` fields that no
 * longer fit are left out whole.
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
  /** The same list, with those last that write a field per member of baggage: they can write fewer. */
  readonly #writers: readonly TextMapPropagator[];
  readonly #needsBudget: boolean;
  readonly #reported = new WeakSet<TextMapPropagator>();
  /** Asked for with each injection, and always the same. */
  #fields: readonly string[] | undefined;

  /**
   * @throws TypeError when a list is missing or an item lacks `extract()` or `inject()`, and for options that do not
   * exist.
   */
  constructor(options: CompositePropagatorOptions) {
    this.#extract = checkedList(options, 'extract');
    this.#inject = checkedList(options, 'inject');
    checkKnownOptions('CompositePropagator', options, ['extract', 'inject']);
    const isLast = (propagator: TextMapPropagator) => propagator instanceof JaegerPropagator;
    this.#writers = [...this.#inject.filter((one) => !isLast(one)), ...this.#inject.filter(isLast)];
    this.#needsBudget = this.#inject.length > 1 && !this.#inject.every(writesLittle);
  }

  /** Returns the context with the trace and baggage of all formats, or `context` itself when none found anything. */
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

  /** Calls each listed propagator to write its fields. */
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

  /** Returns every field that `inject` may write, each once. */
  fields(): string[] {
    this.#fields ??= this.#listFields();
    // A copy, because the caller may change it.
    return this.#fields.slice();
  }

  #listFields(): readonly string[] {
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
    let first: Candidate | undefined;
    let others = NONE;
    let merged: Baggage | undefined;
    let isMerged = false;
    for (const propagator of this.#extract) {
      let next = this.#extractWith(propagator, current, carrier, getter);
      if (next === current) continue;
      const nextSpan = trace.getSpan(next);
      if (nextSpan !== span) {
        const candidate = candidateIn(next, nextSpan);
        if (candidate === undefined) {
          next = span === undefined ? trace.deleteSpan(next) : trace.setSpan(next, span);
        } else {
          // One trace and one baggage, as nearly every carrier has them, make no list.
          if (first === undefined) first = candidate;
          else others = [...others, candidate];
          span = nextSpan;
        }
      }
      const nextBaggage = propagation.getBaggage(next);
      if (nextBaggage !== undefined && nextBaggage !== baggage) {
        isMerged = merged !== undefined;
        merged = merged === undefined ? nextBaggage : mergeBaggage(merged, nextBaggage);
      }
      baggage = nextBaggage;
      current = next;
    }
    // The context now holds the last format's values, which is right if it was the only one.
    if (isMerged && merged !== undefined) current = withExtractedBaggage(current, merged);
    return first === undefined || others === NONE ? current : withCandidates(current, [first, ...others]);
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

  /** Leaves the error out, because its message may quote the carrier. */
  #report(propagator: TextMapPropagator, method: string): void {
    if (this.#reported.has(propagator)) return;
    this.#reported.add(propagator);
    diag.warn(
      `[throughline/propagators] ${propagator.constructor?.name ?? 'a propagator'}.${method}() threw; its format is left out`,
    );
  }
}

const NONE: readonly Candidate[] = [];

/** Whether it is one of ours whose limits leave room for the others: all but Jaeger's, with its baggage. */
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
  // A propagator of another package leaves the traits of an earlier format in the context.
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
    // Debug implies accept, so it cannot accompany a decision not to record.
    debug: sampled && (mine?.debug === true || theirs?.debug === true),
    ...(lineage === undefined ? undefined : { lineage }),
  };
  return { span: winner.span, spanContext, traits };
}

/**
 * Merges baggage. The first format's entries win; a later one adds missing entries, and missing properties of entries
 * with the same value. In a format whose keys are field names, the letter case may have been lost on the way, so an
 * entry that differs only in it counts as the same.
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
    // Header names become lower case, so the other spelling is the original one.
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
  // The same object twice would do the same work twice.
  return [...new Set(list as TextMapPropagator[])];
}
