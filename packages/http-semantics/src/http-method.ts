/** RFC 9110's nine methods and PATCH, with QUERY, which the conventions list as in development. */
const KNOWN_METHODS = 'CONNECT,DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT,QUERY,TRACE';

/**
 * Returns the methods that are recorded as they are; every other is recorded as `_OTHER`.
 *
 * Read from `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS` (comma-separated, case-sensitive, replaces the whole list).
 *
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#common-attributes
 */
export function knownMethods(): ReadonlySet<string> {
  const list = globalThis.process?.env?.OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS?.trim() || KNOWN_METHODS;
  return new Set(list.split(',').map((method) => method.trim()));
}

/** The value that attributes have for a method that is not known. */
export const OTHER_METHOD = '_OTHER';

/** Returns the method's part of a span name: `HTTP` for a method that is not known, so that names stay few. */
export function methodInName(method: string): string {
  return method === OTHER_METHOD ? 'HTTP' : method;
}
