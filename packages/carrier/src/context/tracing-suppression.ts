import { type Context, createContextKey } from '@opentelemetry/api';
import { contextWith } from './context-with.ts';

/** Set while an SDK's own traffic is sent; every OpenTelemetry package honours it. The key is global. */
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** Returns a context in which no instrumentation records or injects anything. */
export function suppressTracing(context: Context): Context {
  return contextWith(context, SUPPRESS_TRACING, true);
}

/** Whether nothing is to be recorded or injected in `context`. */
export function isTracingSuppressed(context: Context): boolean {
  return context.getValue(SUPPRESS_TRACING) === true;
}
