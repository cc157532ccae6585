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
 * The SDK that the kit runs against. Passing it in lets the kit depend on the API alone.
 *
 * Each function is called once per case; its result is not used afterwards.
 */
export interface ConformanceSdk {
  /** Name and version for the report: `SDK 3.1.1`. */
  readonly name: string;
  /**
   * Returns a tracer provider with these processors. Without a sampler, it has the SDK's default: parent based, always
   * on.
   */
  createTracerProvider(options: {
    readonly spanProcessors: SpanProcessorLike[];
    readonly sampler?: SamplerLike;
  }): TracerProvider;
  /** Returns a context manager on `AsyncLocalStorage`, not yet enabled. */
  createContextManager(): ContextManager;
  /** Returns a propagator of both W3C Trace Context and W3C Baggage. */
  createPropagator(): TextMapPropagator;
  /** Returns a meter provider, and a function that collects what it has recorded so far. */
  createMeterProvider(): {
    readonly meterProvider: MeterProvider;
    collect(): Promise<ResourceMetricsLike>;
  };
}
