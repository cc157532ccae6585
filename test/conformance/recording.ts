import { context, diag, propagation, trace } from '@opentelemetry/api';
import { createSpanCollector, type SpanCollector } from '@throughline/testing';
import { sdk3 } from './sdk3.ts';

/** Registers an SDK whose spans the collector gets; {@link stopRecording} takes it away and finds what is left over. */
export function startRecording(): SpanCollector {
  const spans = createSpanCollector();
  trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
  return spans;
}

export function stopRecording(spans: SpanCollector): void {
  trace.disable();
  context.disable();
  propagation.disable();
  diag.disable();
  spans.assertClean();
}
