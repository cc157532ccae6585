import { type Context, trace } from '@opentelemetry/api';
import { remoteSpanContext } from './remote-context.ts';
import { legalSpanContext } from './span-context.ts';
import { RANDOM_FLAG } from './w3c-trace-context.ts';

/**
 * The `Server-Timing` entry that tells a caller which span served it, or `undefined` when the context has no valid one.
 *
 * Form: `trace;desc=00-<trace id>-<span id>-<flags>`, where the flags are the caller's random flag and nothing else. It is
 * one entry of a list: add it to the entries the application sends. A response header can reach scripts of another
 * origin, so send it to callers you trust only. Never throws.
 *
 * @see https://w3c.github.io/trace-context/
 * @example
 * const entry = serverTimingEntry(context.active());
 * if (entry !== undefined) response.appendHeader('server-timing', entry);
 */
export function serverTimingEntry(context: Context): string | undefined {
  try {
    const remote = remoteSpanContext(context);
    const spanContext = legalSpanContext(trace.getSpanContext(context), remote);
    if (spanContext === undefined) return undefined;
    const { traceId, spanId, traceFlags } = spanContext;
    const continued = remote !== undefined && remote.traceId === traceId;
    const flags = (continued ? remote.traceFlags : traceFlags) & RANDOM_FLAG;
    return `trace;desc=00-${traceId}-${spanId}-0${flags}`;
  } catch {
    return undefined;
  }
}
