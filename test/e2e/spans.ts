import type { Trace, TraceSpan } from '@throughline/trace-tree';

let made = 0;

/** Makes a span for tests that draw or judge spans; times are milliseconds from a fixed moment. */
export function span(
  fields: Partial<Omit<TraceSpan, 'start' | 'end'>> & { start?: number; end?: number } = {},
): TraceSpan {
  const { start = 0, end = 10, ...rest } = fields;
  const epoch = 1_790_000_000_000_000;
  return {
    traceId: 'a'.repeat(32),
    spanId: (++made).toString(16).padStart(16, '0'),
    kind: 'SERVER',
    service: 'web',
    name: 'GET /',
    error: false,
    attributes: {},
    ...rest,
    start: epoch + start * 1000,
    end: epoch + end * 1000,
  };
}

/** Lists who is whose parent, sorted: `orders CLIENT > pricing SERVER`. */
export function edges(trace: Trace): string[] {
  const byId = new Map(trace.rows.map((row) => [row.span.spanId, row.span]));
  return trace.rows
    .flatMap(({ span: child }) => {
      const parent = byId.get(child.parentId ?? '');
      return parent ? [`${parent.service} ${parent.kind} > ${child.service} ${child.kind}`] : [];
    })
    .sort();
}
