import type { Trace } from './build-traces.ts';
import { findSplits, type Split } from './find-splits.ts';
import { clean, count, topNote } from './wording.ts';

/** Whether the traces of one request are connected. */
export interface Verdict {
  /** True for exactly one trace with exactly one top span. */
  readonly connected: boolean;
  readonly splits: readonly Split[];
  /** One line, no line break. */
  readonly text: string;
}

/**
 * Returns whether these traces are one connected trace and, if not, where they split.
 *
 * @example
 * const { connected, text } = judge(buildTraces(spans));
 */
export function judge(traces: readonly Trace[]): Verdict {
  const splits = findSplits(traces);
  const spans = count(
    traces.reduce((sum, trace) => sum + trace.rows.length, 0),
    'span',
  );
  const services = count(new Set(traces.flatMap((trace) => trace.services)).size, 'service');
  const size = `${services}, ${spans}`;
  const [first] = traces;
  if (!first) return { connected: false, splits, text: 'No trace was received.' };
  if (traces.length > 1) {
    const hops = new Set(
      splits.map(({ caller, callee }) => `${clean(caller.service)} and ${clean(callee.service)}`),
    );
    const where =
      hops.size > 0 ? `split between ${[...hops].join(', and between ')}` : 'no lost hop was recognised';
    return { connected: false, splits, text: `${traces.length} separate traces: ${where} (${size}).` };
  }
  const loose = first.tops.length;
  if (loose > 1) {
    return { connected: false, splits, text: `One trace in ${loose} pieces: parents are missing (${size}).` };
  }
  const [top] = first.tops;
  if (top?.top === 'missing-parent' || top?.top === 'cycle') {
    return { connected: false, splits, text: `One trace without its root: ${topNote(top)} (${size}).` };
  }
  const ends = first.rows.filter((row) => row.uncontinued).length;
  const open = ends > 0 ? `; ${count(ends, 'call')} went where no span was received from` : '';
  return { connected: true, splits, text: `One connected trace: ${size}${open}.` };
}
