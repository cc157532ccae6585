import type {
  Attributes,
  Context,
  ContextManager,
  Link,
  MeterProvider,
  SpanKind,
  TextMapPropagator,
  TracerProvider,
} from '@opentelemetry/api';
import type { ResourceMetricsLike } from './metric-points.ts';

/** A span processor as SDK 2.x and 3.x accept it. */
export interface SpanProcessorLike {
  // biome-ignore lint/suspicious/noExplicitAny: each SDK major types the span with a class of its own
  onStart(span: any, parentContext: Context): void;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  onEnd(span: any): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** A sampler as SDK 2.x and 3.x accept it; `decision` 0 drops, 1 records, 2 records and samples. */
export interface SamplerLike {
  shouldSample(
    context: Context,
    traceId: string,
    spanName: string,
    spanKind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): { decision: 0 | 1 | 2 };
  toString(): string;
}

/**
 * The SDK that the kit runs against, handed in so that the kit itself depends on the API alone.
 *
 * Each function is called once per case, and what it returns is dropped after the case.
 */
export interface ConformanceSdk {
  /** Name and version for the report: `SDK 3.1.1`. */
  readonly name: string;
  /** A tracer provider with these processors; without a sampler, the SDK's own default (parent based, always on). */
  createTracerProvider(options: {
    readonly spanProcessors: SpanProcessorLike[];
    readonly sampler?: SamplerLike;
  }): TracerProvider;
  /** A context manager on `AsyncLocalStorage`, not yet enabled. */
  createContextManager(): ContextManager;
  /** W3C Trace Context and W3C Baggage together. */
  createPropagator(): TextMapPropagator;
  /** A meter provider and a function that collects what it has recorded so far. */
  createMeterProvider(): {
    readonly meterProvider: MeterProvider;
    collect(): Promise<ResourceMetricsLike>;
  };
}
