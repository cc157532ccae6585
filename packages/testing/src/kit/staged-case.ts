import type { ContextManager, MeterProvider, TextMapPropagator } from '@opentelemetry/api';
import type { SamplerLike, SpanProcessorLike } from './conformance-sdk.ts';
import type { InSpan } from './in-span.ts';
import type { MetricPoint } from './metric-points.ts';
import type { SpanCollector } from './span-collector.ts';
import type { StageParts } from './stage.ts';

/** One sentence of a specification, before it is bound to an adapter or a client. */
export interface StagedCase<World, Need extends string, TraceOptions> {
  readonly name: string;
  /** Abilities without which the case would prove nothing. */
  readonly needs?: readonly Need[];
  /** Returns the options for what is under test; called once the SDK's parts exist. */
  traceOptions?(world: World): TraceOptions;
  /** `none`: nothing is registered; `late`: registered by the case, after the adapter was mounted. @default "early" */
  readonly sdk?: 'early' | 'late' | 'none';
  readonly sampler?: (world: World) => SamplerLike;
  readonly processors?: readonly SpanProcessorLike[];
  /** Replaces the SDK's part, which it is given. */
  propagator?(real: TextMapPropagator): TextMapPropagator;
  contextManager?(real: ContextManager): ContextManager;
  meterProvider?(real: MeterProvider): MeterProvider;
  run(world: World): Promise<void>;
}

/** What the cases of every kit work with. */
export interface CaseWorld {
  readonly spans: SpanCollector;
  readonly parts: StageParts;
  /** What a case keeps between its `sampler` or hooks and its `run`. */
  readonly notes: unknown[];
  readonly inSpan: InSpan;
  /** Returns the recorded points of one instrument. */
  metric(name: string): Promise<MetricPoint[]>;
}
