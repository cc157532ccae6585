import { type Context, createContextKey, type SpanContext, trace } from '@opentelemetry/api';

/** Set by `CompositePropagator` when its formats named different traces. */
export const CONFLICTS_KEY = createContextKey('Throughline conflicting span contexts');
/** Set by the propagators of `@throughline/propagators`: the span context that they read and checked. */
export const EXTRACTED_KEY = createContextKey('Throughline remote span context');
/** Set by the X-Ray propagator: a trace without a span in it, whose root begins here. */
export const PARENTLESS_KEY = createContextKey('Throughline trace without a parent');

const NONE: readonly SpanContext[] = Object.freeze([]);

/**
 * Returns the span contexts that other formats of the same carrier named beside the one that was continued, in configured
 * order; an empty list when the formats agreed.
 *
 * `CompositePropagator` records them so that a SERVER span can link to them: the caller's other trace can still be found.
 *
 * @example
 * const links = conflictingSpanContexts(parent).map((context) => ({ context }));
 * tracer.startSpan('GET /orders', { kind: SpanKind.SERVER, links }, parent);
 */
export function conflictingSpanContexts(context: Context): readonly SpanContext[] {
  return (context.getValue(CONFLICTS_KEY) as readonly SpanContext[] | undefined) ?? NONE;
}

/** Whether one of our propagators found `spanContext` valid. Checking the ids again through the API would take 0.2 µs. */
export function isExtractedByOurs(context: Context, spanContext: SpanContext): boolean {
  return context.getValue(EXTRACTED_KEY) === spanContext;
}

/** Whether the caller named a trace and no span in it, so that the span that starts in `context` is its root. */
export function namesParentlessTrace(context: Context): boolean {
  return context.getValue(PARENTLESS_KEY) !== undefined && trace.getSpan(context) === undefined;
}
