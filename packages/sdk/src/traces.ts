import type { MeterProvider } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import {
  ConsoleSpanExporter,
  SimpleSpanProcessor,
  type SpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { createTraceExporter } from './exporters.ts';
import { Outage } from './outage.ts';
import type { Settings } from './settings.ts';
import { NO_SPANS, SpanExport } from './span-export.ts';
import { TreePrinter } from './trace-tree/tree-printer.ts';
import type { TracingStatus } from './tracing.ts';

/** Recording and sending of spans. */
export interface Traces {
  readonly provider: TracerProvider;
  /**
   * These two settle when every processor has, and never reject. Not the provider's own: its flush leaves a timer behind,
   * and one processor that throws would cost the others their shutdown.
   */
  flush(): Promise<unknown>;
  shutdown(): Promise<unknown>;
  /** The part of the status that is about spans. */
  status(): Omit<TracingStatus, 'state'> & { readonly state: 'exporting' | 'printing' };
}

/** What the SDK's exporter allows at once when nobody says otherwise. */
const CONCURRENT_EXPORTS = 30;

/** The tracer provider with its exporters, or nothing where spans would go nowhere. */
export function createTraces(
  settings: Settings,
  own: readonly SpanProcessor[],
  resource: Resource,
  meterProvider: MeterProvider | undefined,
): Traces | undefined {
  const { exporters, otlp } = settings.traces;
  const processors = [...own];
  let sending: { readonly spans: SpanExport; readonly outage: Outage } | undefined;
  for (const name of exporters) {
    if (name === 'tree') processors.push(new TreePrinter(process.stderr));
    else if (name === 'console')
      processors.push(new SimpleSpanProcessor({ exporter: new ConsoleSpanExporter() }));
    else {
      sending = sendSpans(settings, meterProvider);
      processors.push(sending.spans);
    }
  }
  if (processors.length === 0) return undefined;
  return {
    provider: new TracerProvider({
      resource,
      spanProcessors: processors,
      spanLimits: settings.spanLimits,
      ...(settings.sampler && { sampler: settings.sampler }),
    }),
    flush: () => Promise.allSettled(processors.map(async (processor) => processor.forceFlush())),
    shutdown: () => Promise.allSettled(processors.map(async (processor) => processor.shutdown())),
    status() {
      if (sending === undefined) return { state: 'printing', failing: false, spans: NO_SPANS };
      const { failing, lastError, lastSuccess } = sending.outage.status;
      return {
        state: 'exporting',
        endpoint: withoutCredentials(otlp.url),
        failing,
        spans: sending.spans.counts,
        ...(lastError && { lastError }),
        ...(lastSuccess && { lastSuccess }),
      };
    },
  };
}

function sendSpans({ batch, traces }: Settings, meterProvider: MeterProvider | undefined) {
  // A flush sends all batches at once, and what is on its way stays there.
  const batches = Math.ceil(batch.maxQueueSize / batch.maxExportBatchSize) + 1;
  const outage: Outage = new Outage(
    withoutCredentials(traces.otlp.url),
    () => spans.counts.failed + spans.counts.dropped,
  );
  const spans = new SpanExport(
    createTraceExporter(traces.otlp, Math.max(CONCURRENT_EXPORTS, batches)),
    { ...batch, ...(meterProvider && { selfObsMeterProvider: meterProvider }) },
    outage,
  );
  return { spans, outage };
}

function withoutCredentials(address: string): string {
  const url = new URL(address);
  url.username = '';
  url.password = '';
  return url.href;
}
