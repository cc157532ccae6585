import type { Trace, TraceSpan } from '@throughline/trace-tree';

/**
 * Returns the PRODUCER spans whose message no received CONSUMER span continues: their trace ends at the queue.
 *
 * @example
 * for (const { service, name } of lostMessages(traces)) console.log(`${service}: ${name}`);
 */
export function lostMessages(traces: readonly Trace[]): TraceSpan[] {
  const spans = traces.flatMap((trace) => trace.rows.map((row) => row.span));
  const continued = new Set(spans.filter(({ kind }) => kind === 'CONSUMER').map(({ parentId }) => parentId));
  return spans.filter(({ kind, spanId }) => kind === 'PRODUCER' && !continued.has(spanId));
}
