import { context, metrics, propagation, type TextMapPropagator, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { drop, exported } from './exported.ts';

interface SdkSpan {
  spanContext(): { traceId: string; spanId: string };
  parentSpanContext?: { spanId: string };
  name: string;
  kind: number;
  attributes: object;
  status: object;
  events: readonly { readonly name: string; readonly attributes?: object }[];
}

const exporter = {
  export(spans: SdkSpan[], done: (result: { code: 0 }) => void) {
    drop(spans, (span: SdkSpan) => ({
      ...span.spanContext(),
      parentSpanId: span.parentSpanContext?.spanId,
      shown: {
        name: span.name,
        kind: span.kind,
        attributes: span.attributes,
        status: span.status,
        events: span.events.map(({ name, attributes }) => ({ name, attributes })),
      },
    }));
    done({ code: 0 });
  },
  shutdown: async () => {},
  forceFlush: async () => {},
};

/** Propagators of OpenTelemetry's own, as everybody registers them. */
export function officialPropagator(): TextMapPropagator {
  return new CompositePropagator({
    propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
  });
}

/** Registers the SDK: a batch processor whose exporter drops, parent-based sampling, `AsyncLocalStorage`. */
export async function startSdk(
  options: { propagator?: TextMapPropagator; measures?: boolean } = {},
): Promise<void> {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(options.propagator ?? officialPropagator());
  const provider = await createProvider();
  exported.flush = () => provider.forceFlush();
  trace.setGlobalTracerProvider(provider);
  if (options.measures === true) {
    const { MeterProvider, MetricReader } = await import('@opentelemetry/sdk-metrics');
    class OnDemand extends MetricReader {
      protected override async onShutdown() {}
      protected override async onForceFlush() {}
    }
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [new OnDemand()] }));
  }
}

/** Registers what `startTracing()` does, with spans by Throughline's recorder, and the same batches. */
export async function startStarter(): Promise<void> {
  const { startTracing } = await import('@throughline/sdk');
  const { BatchSpanProcessor } = await import('@opentelemetry/sdk-trace');
  const batches = new BatchSpanProcessor({ exporter: exporter as never });
  startTracing({ serviceName: 'bench', spanProcessors: [batches], recorder: 'throughline' });
  exported.flush = () => batches.forceFlush();
}

async function createProvider() {
  if (process.env.BENCH_SDK === '2') {
    // Installed at bench time only, so it cannot be typed here.
    const { BasicTracerProvider, BatchSpanProcessor } = await import(String('@opentelemetry/sdk-trace-base'));
    return new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
  }
  const { TracerProvider, BatchSpanProcessor } = await import('@opentelemetry/sdk-trace');
  const batches = new BatchSpanProcessor({ exporter: exporter as never });
  return new TracerProvider({ spanProcessors: [batches] });
}
