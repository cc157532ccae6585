import type { TraceSpan } from './trace-span.ts';

/** A span at its place in the tree. */
export interface TraceRow {
  readonly span: TraceSpan;
  /** 0 for a top span. */
  readonly depth: number;
  /** Whether it is the last of its siblings. */
  readonly last: boolean;
  /** Set on a top span that is not a plain root. */
  readonly top?: 'remote-parent' | 'missing-parent' | 'cycle';
  /** True for a CLIENT span that no received span continues, unless it asks a broker: brokers report no spans. */
  readonly uncontinued: boolean;
}

/** One trace id and its spans, in the order a reader follows them. */
export interface Trace {
  readonly traceId: string;
  /** Microseconds since the epoch: the earliest start and the latest end of any span. */
  readonly start: number;
  readonly end: number;
  readonly services: readonly string[];
  readonly rows: readonly TraceRow[];
  /** Rows at depth 0. A connected trace has one. */
  readonly tops: readonly TraceRow[];
}

/** A hop at which a trace broke: the call, and the root span that began elsewhere because of it. */
export interface Split {
  readonly caller: TraceSpan;
  readonly callee: TraceSpan;
}

/** Clocks of two processes on one machine agree better than this. Microseconds. */
const CLOCK_TOLERANCE = 2_000;

/**
 * Arranges spans into traces, oldest first.
 *
 * Every span given appears in exactly one row, whatever its parent says: a span whose parent is missing becomes
 * a top, and of spans that name each other as parent the earliest does.
 *
 * @example
 * const [trace] = buildTraces(spans);
 * console.log(trace?.tops.length === 1 ? 'connected' : 'not connected');
 */
export function buildTraces(spans: Iterable<TraceSpan>): Trace[] {
  const byTrace = new Map<string, TraceSpan[]>();
  for (const span of spans) {
    const trace = byTrace.get(span.traceId);
    if (trace) trace.push(span);
    else byTrace.set(span.traceId, [span]);
  }
  return [...byTrace.values()].map(buildTrace).sort((a, b) => a.start - b.start);
}

function buildTrace(unordered: TraceSpan[]): Trace {
  const spans = unordered.sort((a, b) => a.start - b.start || b.end - a.end);
  const known = new Set(spans.map((span) => span.spanId));
  const children = new Map<string, TraceSpan[]>();
  const tops: TraceSpan[] = [];
  for (const span of spans) {
    if (span.parentId === undefined || !known.has(span.parentId)) {
      tops.push(span);
      continue;
    }
    const siblings = children.get(span.parentId);
    if (siblings) siblings.push(span);
    else children.set(span.parentId, [span]);
  }

  const rows: TraceRow[] = [];
  const placed = new Set<TraceSpan>();
  // An explicit stack: depth comes from the wire, and recursion would let a long chain overflow.
  const place = (top: TraceSpan, kind: TraceRow['top']) => {
    const stack = [{ span: top, depth: 0, last: true }];
    for (let next = stack.pop(); next; next = stack.pop()) {
      const { span, depth, last } = next;
      if (placed.has(span)) continue;
      placed.add(span);
      const below = (children.get(span.spanId) ?? []).filter((child) => !placed.has(child));
      rows.push({
        span,
        depth,
        last,
        ...(depth === 0 && kind && { top: kind }),
        uncontinued: isCall(span) && !below.some((child) => child.kind === 'SERVER'),
      });
      for (let i = below.length - 1; i >= 0; i--) {
        const child = below[i];
        if (child) stack.push({ span: child, depth: depth + 1, last: i === below.length - 1 });
      }
    }
  };
  for (const top of tops) place(top, topKind(top));
  for (const span of spans) if (!placed.has(span)) place(span, 'cycle');

  return {
    traceId: spans[0]?.traceId ?? '',
    start: spans.reduce((least, span) => Math.min(least, span.start), Number.POSITIVE_INFINITY),
    end: spans.reduce((most, span) => Math.max(most, span.end), 0),
    services: [...new Set(rows.map((row) => row.span.service))],
    rows,
    tops: rows.filter((row) => row.depth === 0),
  };
}

function isCall({ kind, attributes }: TraceSpan): boolean {
  return kind === 'CLIENT' && attributes['messaging.system'] === undefined;
}

/** A SERVER span may well continue a caller that reports its spans elsewhere; any other missing parent is a loss. */
function topKind(span: TraceSpan): TraceRow['top'] {
  if (span.parentId === undefined) return undefined;
  const remote = span.parentRemote ?? (span.kind === 'SERVER' || span.kind === 'CONSUMER');
  return remote ? 'remote-parent' : 'missing-parent';
}

/**
 * Names the hops at which these traces look torn apart.
 *
 * A hop counts when a CLIENT span that nobody continued was running while another service's root SERVER span
 * started, and the two agree on method, path and status. Only the start is compared: a CLIENT span ends when the
 * response headers are in, the SERVER span when the body is out.
 *
 * Each span is used once. Of several calls that could have caused a root, the one that ended first is taken:
 * among intervals that hold a point, this leaves the most pairs for the roots still to come.
 *
 * @example
 * for (const { caller, callee } of findSplits(traces)) console.log(`${caller.service} -> ${callee.service}`);
 */
export function findSplits(traces: readonly Trace[]): Split[] {
  const rows = traces.flatMap((trace) => trace.rows);
  const callers = new Set(
    rows
      .filter((row) => row.uncontinued)
      .map((row) => row.span)
      .sort((a, b) => a.end - b.end),
  );
  const callees = rows
    .filter(({ span, depth }) => depth === 0 && span.parentId === undefined && span.kind === 'SERVER')
    .map((row) => row.span)
    .sort((a, b) => a.start - b.start);
  const splits: Split[] = [];
  for (const callee of callees) {
    for (const caller of callers) {
      if (!mayHaveCalled(caller, callee)) continue;
      callers.delete(caller);
      splits.push({ caller, callee });
      break;
    }
  }
  return splits;
}

function mayHaveCalled(caller: TraceSpan, callee: TraceSpan): boolean {
  return (
    caller.traceId !== callee.traceId &&
    caller.service !== callee.service &&
    callee.start >= caller.start - CLOCK_TOLERANCE &&
    callee.start <= caller.end + CLOCK_TOLERANCE &&
    agree(caller.attributes['http.request.method'], callee.attributes['http.request.method']) &&
    agree(caller.attributes['http.response.status_code'], callee.attributes['http.response.status_code']) &&
    agree(pathOf(caller.attributes['url.full']), callee.attributes['url.path'])
  );
}

function agree(a: unknown, b: unknown): boolean {
  return a === undefined || b === undefined || a === b;
}

function pathOf(url: unknown): string | undefined {
  return typeof url === 'string' && URL.canParse(url) ? new URL(url).pathname : undefined;
}

/**
 * Gathers traces that one request left behind: those that a split joins form one group.
 *
 * @example
 * for (const group of groupTraces(traces)) console.log(group.length === 1 ? 'whole' : 'split');
 */
export function groupTraces(traces: readonly Trace[]): Trace[][] {
  const groupOf = new Map<string, Trace[]>(traces.map((trace) => [trace.traceId, [trace]]));
  for (const { caller, callee } of findSplits(traces)) {
    const into = groupOf.get(caller.traceId);
    const from = groupOf.get(callee.traceId);
    if (!into || !from || into === from) continue;
    into.push(...from);
    for (const trace of from) groupOf.set(trace.traceId, into);
  }
  return [...new Set(groupOf.values())].map((group) => group.sort((a, b) => a.start - b.start));
}

/**
 * Picks the traces that ran while `trace` did, those that ran while these did, and so on; `trace` included.
 *
 * @example
 * const candidates = overlapping(receiver.traces(), trace);
 */
export function overlapping(traces: readonly Trace[], trace: Trace): Trace[] {
  const found = new Set<Trace>();
  let { start, end } = trace;
  for (let before = -1; before < found.size; ) {
    before = found.size;
    for (const other of traces) {
      if (found.has(other) || other.start > end || other.end < start) continue;
      found.add(other);
      start = Math.min(start, other.start);
      end = Math.max(end, other.end);
    }
  }
  return [...found];
}
