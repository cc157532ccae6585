import type { Trace } from './build-traces.ts';
import type { TraceSpan } from './trace-span.ts';

/** A hop at which a trace broke: the call, and the root span that it started in another service. */
export interface Split {
  readonly caller: TraceSpan;
  readonly callee: TraceSpan;
}

/** In microseconds: more than the clocks of two processes on one machine differ. */
const CLOCK_TOLERANCE = 2_000;

/**
 * Returns the hops at which these traces seem to be torn.
 *
 * A hop counts when a CLIENT span that no span continues was running while another service's root SERVER span
 * started, and the two agree on method, path and status. Only the start is compared: a CLIENT span ends when the
 * response headers have arrived, the SERVER span when the body has been sent.
 *
 * Each span is used once. If several calls could have caused a root, the one that ended first is chosen, because the
 * others may still match later roots.
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
 * Returns the traces in groups, one group for each request: traces that a split joins belong together.
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
