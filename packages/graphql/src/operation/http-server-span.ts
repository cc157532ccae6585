import { type Span, SpanKind, trace } from '@opentelemetry/api';
import { activeContext } from '@throughline/core';
import { guarded } from '@throughline/core/seam';
import { ATTR_THROUGHLINE_GRAPHQL_ERRORS } from './graphql-conventions.ts';

const errorCounts = new WeakMap<Span, number>();

/**
 * Returns the active span if it is that of a request: a SERVER span. A span that does not show its kind, because it is not recorded,
 * counts as one.
 */
export function httpServerSpan(): Span | undefined {
  return guarded('a span could not be read', () => {
    const span: (Span & { readonly kind?: SpanKind }) | undefined = trace.getSpan(activeContext());
    return span?.kind === undefined || span.kind === SpanKind.SERVER ? span : undefined;
  });
}

/**
 * Adds to the errors that a request's span shows. Its status is not touched: HTTP answered as it should, with 200 as well, and a
 * part of the answer may be complete.
 */
export function countErrors(span: Span, errors: number): void {
  guarded('a span could not be completed', () => {
    if (errors === 0 || !span.isRecording()) return;
    const count = (errorCounts.get(span) ?? 0) + errors;
    errorCounts.set(span, count);
    span.setAttribute(ATTR_THROUGHLINE_GRAPHQL_ERRORS, count);
  });
}
