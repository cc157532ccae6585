import type { TraceSpan } from './trace-span.ts';

/** A span at its place in the tree. */
export interface TraceRow {
  readonly span: TraceSpan;
  /** 0 for a top span. */
  readonly depth: number;
  /** Whether it is the last of its siblings. */
  readonly last: boolean;
  /** Why a top span is not a root. Absent on a root, and on spans below the top. */
  readonly top?: 'remote-parent' | 'missing-parent' | 'cycle';
  /** True for a CLIENT span that no received span continues, except a call to a broker, because brokers report no spans. */
  readonly uncontinued: boolean;
}

/** The spans of one trace id, in reading order. */
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

/**
 * Returns the traces of these spans, oldest first.
 *
 * Every span appears in exactly one row: a span whose parent is missing becomes a top span, and so does the earliest of
 * spans that name each other as parents.
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
  // An explicit stack, because depth comes from the wire and recursion would overflow on a long chain.
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

/** The name of a messaging system, and its name before version 1.45 of the conventions. */
const SYSTEM_NAMES = ['messaging.system.name', 'messaging.system'];

function isCall({ kind, attributes }: TraceSpan): boolean {
  return kind === 'CLIENT' && SYSTEM_NAMES.every((name) => attributes[name] === undefined);
}

/** A SERVER or CONSUMER span may continue a caller that reports its spans elsewhere. Any other missing parent is a loss. */
function topKind(span: TraceSpan): TraceRow['top'] {
  if (span.parentId === undefined) return undefined;
  const remote = span.parentRemote ?? (span.kind === 'SERVER' || span.kind === 'CONSUMER');
  return remote ? 'remote-parent' : 'missing-parent';
}
