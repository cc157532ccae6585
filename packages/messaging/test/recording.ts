import { context, type DiagLogger, diag, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { createSpanCollector, type SpanCollector } from '@throughline/testing';
import { sdk3 } from '../../../test/conformance/sdk3.ts';

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

/** What is reported to `diag` from now on. */
export function reports(): string[] {
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const logger: DiagLogger = { error: log, warn: log, info: () => {}, debug: () => {}, verbose: () => {} };
  diag.setLogger(logger, { suppressOverrideMessage: true });
  return lines;
}

export const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
export const SPAN_ID = 'b7ad6b7169203331';
export const TRACEPARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;

/** Runs `fn` as a handler of this caller's request would: with its context active. */
export function asCaller<T>(fields: Readonly<Record<string, string>>, fn: () => T): T {
  return context.with(propagation.extract(ROOT_CONTEXT, fields), fn);
}
