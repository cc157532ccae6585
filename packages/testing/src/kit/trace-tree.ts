import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { RecordedSpan } from './recorded-span.ts';

/** Returns one line that identifies a span in a message: `SERVER GET /items/:id 3f…/a1… (parent 77…)`. */
export function describeSpan(span: RecordedSpan): string {
  const { traceId, spanId } = span.spanContext();
  const parent = span.parentSpanContext ? `parent ${span.parentSpanContext.spanId}` : 'root';
  const status = span.status.code === SpanStatusCode.ERROR ? ' ERROR' : '';
  return `${SpanKind[span.kind]} ${span.name} ${traceId}/${spanId} (${parent})${status}`;
}

/** Returns spans as indented trees, trace by trace; a span whose parent is not among them starts a tree. */
export function describeTrace(spans: readonly RecordedSpan[]): string {
  if (spans.length === 0) return '  (none)';
  const ids = new Set(spans.map((span) => span.spanContext().spanId));
  const lines: string[] = [];
  const walk = (span: RecordedSpan, depth: number): void => {
    lines.push(`${'  '.repeat(depth + 1)}${describeSpan(span)}`);
    for (const child of spans) {
      if (child !== span && child.parentSpanContext?.spanId === span.spanContext().spanId)
        walk(child, depth + 1);
    }
  };
  for (const span of spans) if (!ids.has(span.parentSpanContext?.spanId ?? '')) walk(span, 0);
  return lines.join('\n');
}
