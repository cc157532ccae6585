import { type Context, createContextKey, type SpanContext } from '@opentelemetry/api';

/** Left by a composite propagator whose formats named different traces. */
const CONFLICTING = createContextKey('Throughline conflicting span contexts');
const IGNORED = createContextKey('Throughline ignored request');

/** Span contexts that the request brought besides the one that it continues. */
export function conflictingSpanContexts(context: Context): readonly SpanContext[] {
  return (context.getValue(CONFLICTING) as readonly SpanContext[] | undefined) ?? [];
}

/** Marks the context of a request that is not to be recorded. */
export function ignoreRequest(context: Context): Context {
  return context.setValue(IGNORED, true);
}

/** Whether outgoing calls made in `context` carry it on without spans of their own. */
export function isIgnoredRequest(context: Context): boolean {
  return context.getValue(IGNORED) === true;
}
