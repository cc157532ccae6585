import {
  type Context,
  context,
  type MeterProvider,
  ROOT_CONTEXT,
  type TextMapPropagator,
  trace,
} from '@opentelemetry/api';
import type { SamplerLike, SpanProcessorLike } from './conformance-sdk.ts';
import type { RecordedSpan } from './recorded-span.ts';
import type { SpanCollector } from './span-collector.ts';

/** One sentence of the specification of a client, of HTTP or of messages, before it is bound to one. */
export interface ClientCase<World, Capability extends string, TraceOptions> {
  readonly name: string;
  readonly needs?: readonly Capability[];
  traceOptions?(world: World): TraceOptions;
  /** `none`: nothing is registered. @default "early" */
  readonly sdk?: 'early' | 'none';
  readonly sampler?: (world: World) => SamplerLike;
  readonly processors?: readonly SpanProcessorLike[];
  propagator?(real: TextMapPropagator): TextMapPropagator;
  meterProvider?(real: MeterProvider): MeterProvider;
  run(world: World): Promise<void>;
}

/** Runs `body` inside a span of its own, and takes that span. */
export type InSpan = <T>(
  body: () => Promise<T>,
  more?: (ctx: Context) => Context,
) => Promise<[result: T, caller: RecordedSpan]>;

/** {@link InSpan} with the spans of one case. */
export function inSpanOf(spans: SpanCollector): InSpan {
  return async (body, more = (ctx) => ctx) => {
    const span = trace.getTracer('application').startSpan('caller');
    const result = await context.with(more(trace.setSpan(ROOT_CONTEXT, span)), body);
    span.end();
    const { spanId } = span.spanContext();
    return [result, await spans.take((ended) => ended.spanContext().spanId === spanId)];
  };
}
