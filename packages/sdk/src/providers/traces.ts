import type { MeterProvider } from '@opentelemetry/api';
import {
  ConsoleSpanExporter,
  SimpleSpanProcessor,
  type SpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { redaction } from '@throughline/core/seam';
import { createTraceExporter } from '../export/exporters.ts';
import { Outage } from '../export/outage.ts';
import { NO_SPANS, SpanExport } from '../export/span-export.ts';
import { RecordingTracerProvider } from '../recorder/recording-provider.ts';
import type { SignalSettings, TracesSettings } from '../settings/settings.ts';
import type { TracingStatus } from '../tracing.ts';
import type { TracingOptions } from '../tracing-options.ts';
import { GuardedSpanProcessor } from './guarded-span-processor.ts';
import { TraceIdGenerator } from './trace-id-generator.ts';
import { TreePrinter } from './tree-printer.ts';

/** The tracer provider and what it sends with. */
export interface Traces {
  readonly provider: TracerProvider;
  /**
   * Like `shutdown`, settles when every processor has, and never rejects. The provider's own are not used: its flush
   * leaves a timer behind, and if one processor throws, its shutdown skips the others.
   */
  flush(): Promise<unknown>;
  shutdown(): Promise<unknown>;
  /** Makes pending exports fail, so that they do not keep the process alive. */
  giveUp(reason: Error): void;
  /** Returns the part of the status that is about spans. */
  status(): Omit<TracingStatus, 'state'> & { readonly state: 'exporting' | 'printing' };
}

/** The SDK's default for concurrent exports. */
const CONCURRENT_EXPORTS = 30;

/** Returns the tracer provider with its processors, or `undefined` if there is none to receive spans. */
export function createTraces(
  { traces, resource }: SignalSettings,
  own: readonly SpanProcessor[],
  meterProvider: MeterProvider | undefined,
  recorder: NonNullable<TracingOptions['recorder']>,
): Traces | undefined {
  const guarded = (processor: SpanProcessor) => new GuardedSpanProcessor(processor);
  const processors: SpanProcessor[] = own.map(guarded);
  let sending: ReturnType<typeof sendSpans> | undefined;
  for (const name of traces.exporters) {
    if (name === 'tree') processors.push(guarded(new TreePrinter(process.stderr)));
    else if (name === 'console')
      processors.push(guarded(new SimpleSpanProcessor({ exporter: new ConsoleSpanExporter() })));
    else if (traces.sending !== undefined) {
      sending = sendSpans(traces.sending, meterProvider);
      processors.push(sending.spans);
    }
  }
  if (processors.length === 0) return undefined;
  const Provider = recorder === 'sdk' ? TracerProvider : RecordingTracerProvider;
  return {
    provider: new Provider({
      resource,
      idGenerator: new TraceIdGenerator(),
      spanProcessors: processors,
      spanLimits: traces.spanLimits,
      ...(traces.sampler && { sampler: traces.sampler }),
    }),
    flush: () => Promise.allSettled(processors.map(async (processor) => processor.forceFlush())),
    shutdown: () => Promise.allSettled(processors.map(async (processor) => processor.shutdown())),
    giveUp: (reason) => sending?.giveUp(reason),
    status() {
      if (sending === undefined) return { state: 'printing', failing: false, spans: NO_SPANS };
      const { failing, lastError, lastSuccess } = sending.outage.status;
      return {
        state: 'exporting',
        endpoint: sending.url,
        failing,
        spans: sending.spans.counts,
        ...(lastError && { lastError }),
        ...(lastSuccess && { lastSuccess }),
      };
    },
  };
}

function sendSpans(
  { batch, otlp }: NonNullable<TracesSettings['sending']>,
  meterProvider: MeterProvider | undefined,
) {
  const url = withoutCredentials(otlp.url);
  // A flush sends all batches at once, beside the one that is already being sent.
  const batches = Math.ceil(batch.maxQueueSize / batch.maxExportBatchSize) + 1;
  const outage: Outage = new Outage(url, () => spans.counts.failed + spans.counts.dropped);
  const { exporter, giveUp } = createTraceExporter(
    otlp,
    Math.max(CONCURRENT_EXPORTS, batches),
    batch.exportTimeoutMillis,
  );
  const spans = new SpanExport(
    exporter,
    { ...batch, ...(meterProvider && { selfObsMeterProvider: meterProvider }) },
    outage,
  );
  return { url, spans, outage, giveUp };
}

function withoutCredentials(address: string): string {
  const url = new URL(address);
  url.username = '';
  url.password = '';
  return redaction.word(url.href);
}
