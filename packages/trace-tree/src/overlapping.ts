import type { Trace } from './build-traces.ts';

/**
 * Returns the traces that overlap `trace` in time, those that overlap one of these, and so on. `trace` is among them.
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
