import { type Context, context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import type { RecordedSpan } from './recorded-span.ts';
import type { SpanCollector } from './span-collector.ts';

/** Runs `body` inside a new span, then returns its result and that span, ended and taken. */
export type InSpan = <T>(
  body: () => Promise<T>,
  more?: (ctx: Context) => Context,
) => Promise<[result: T, caller: RecordedSpan]>;

/** Returns {@link InSpan} for the spans of one case. */
export function inSpanOf(spans: SpanCollector): InSpan {
  return async (body, more = (ctx) => ctx) => {
    const span = trace.getTracer('application').startSpan('caller');
    const result = await context.with(more(trace.setSpan(ROOT_CONTEXT, span)), body);
    span.end();
    const { spanId } = span.spanContext();
    return [result, await spans.take((ended) => ended.spanContext().spanId === spanId)];
  };
}
