import type { Span } from '@opentelemetry/api';

const routes = new WeakMap<Span, string>();

/**
 * Names the route of the request that is served in `span`, for a server above that knows none itself: a handler of many
 * requests, such as a GraphQL server, often knows its own path. The first name counts.
 *
 * @example
 * nameRoute(span, '/graphql');
 */
export function nameRoute(span: Span, template: string): void {
  if (!routes.has(span)) routes.set(span, template);
}

/** Returns the route that {@link nameRoute} noted, or `undefined`. */
export function namedRoute(span: Span): string | undefined {
  return routes.get(span);
}
