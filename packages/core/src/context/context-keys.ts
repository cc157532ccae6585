import { type Context, createContextKey, type SpanContext, trace } from '@opentelemetry/api';

/** Left by a composite propagator whose formats named different traces. */
const CONFLICTING = createContextKey('Throughline conflicting span contexts');
/** Left by the propagators of `@throughline/propagators`: the span context that they read and checked. */
const EXTRACTED = createContextKey('Throughline remote span context');
/** Left by the X-Ray propagator: a trace without a span in it, whose root begins here. */
const PARENTLESS = createContextKey('Throughline trace without a parent');
const IGNORED = createContextKey('Throughline ignored request');

/** Span contexts that the request brought besides the one that it continues. */
export function conflictingSpanContexts(context: Context): readonly SpanContext[] {
  return (context.getValue(CONFLICTING) as readonly SpanContext[] | undefined) ?? [];
}

/** Whether one of our propagators found `spanContext` valid. Asking the API to check the ids again takes 0.2 µs. */
export function isExtractedByOurs(context: Context, spanContext: SpanContext): boolean {
  return context.getValue(EXTRACTED) === spanContext;
}

/** Whether the caller named a trace and no span of it, so that what is started in `context` is its root. */
export function namesParentlessTrace(context: Context): boolean {
  return context.getValue(PARENTLESS) !== undefined && trace.getSpan(context) === undefined;
}

/** Marks the context of a request that is not to be recorded. */
export function ignoreRequest(context: Context): Context {
  return context.setValue(IGNORED, true);
}

/** Whether outgoing calls made in `context` carry it on without spans of their own. */
export function isIgnoredRequest(context: Context): boolean {
  return context.getValue(IGNORED) === true;
}
