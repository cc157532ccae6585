import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import type { ConformanceSdk } from '@throughline/testing';

class ReaderOnDemand extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}

export const sdk2: ConformanceSdk = {
  name: 'SDK 2',
  createTracerProvider: (options) => new BasicTracerProvider(options),
  createContextManager: () => new AsyncLocalStorageContextManager(),
  createPropagator: () =>
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  createMeterProvider() {
    const reader = new ReaderOnDemand();
    return {
      meterProvider: new MeterProvider({ readers: [reader] }),
      collect: async () => (await reader.collect()).resourceMetrics,
    };
  },
};
