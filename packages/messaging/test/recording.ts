import { context, type DiagLogger, diag, propagation, ROOT_CONTEXT } from '@opentelemetry/api';

export { startRecording, stopRecording } from '../../../test/conformance/recording.ts';

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
