import { context, propagation, trace } from '@opentelemetry/api';
import { createSpanCollector, type SpanCollector } from '@throughline/testing';
import { sdk3 } from '../../../test/conformance/sdk3.ts';

/** Registers an SDK whose spans the collector gets; {@link stopRecording} takes it away and finds what is left over. */
export function startRecording(): SpanCollector {
  const spans = createSpanCollector();
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
  trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [spans] }));
  return spans;
}

export function stopRecording(spans: SpanCollector): void {
  for (const api of [context, propagation, trace]) api.disable();
  spans.assertClean();
}
