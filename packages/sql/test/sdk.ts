import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { createPropagator } from '@throughline/propagators';
import { createSpanCollector, type SpanCollector } from '@throughline/testing';

class Reader extends MetricReader {
  protected async onForceFlush(): Promise<void> {}
  protected async onShutdown(): Promise<void> {}
}

const reader = new Reader();
export const meterProvider = new MeterProvider({ readers: [reader] });

/** What the histogram of queries holds: the attributes of each series, and how many queries it counted. */
export async function durations(): Promise<{ attributes: object; count: number }[]> {
  const { resourceMetrics } = await reader.collect();
  return resourceMetrics.scopeMetrics.flatMap(({ metrics }) =>
    metrics
      .filter(({ descriptor }) => descriptor.name === 'db.client.operation.duration')
      .flatMap(({ dataPoints }) =>
        dataPoints.map(({ attributes, value }) => ({
          attributes,
          count: (value as { count: number }).count,
        })),
      ),
  );
}

export function startSdk(): SpanCollector {
  const spans = createSpanCollector();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(createPropagator('tracecontext,baggage'));
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
  return spans;
}

export function stopSdk(): void {
  context.disable();
  propagation.disable();
  trace.disable();
}
