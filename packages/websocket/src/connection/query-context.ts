import type { IncomingMessage } from 'node:http';

/** Never baggage: URLs are kept in logs and histories. */
const PARAMETERS = ['traceparent', 'tracestate'];
/** In characters. A longer target is not searched. */
const MAX_TARGET = 8_192;

/**
 * Returns a view of a request in which the query parameters `traceparent` and `tracestate` stand for the headers, or the
 * request itself if it has a `traceparent` header or no such parameter. Two parameters of a name become a header that occurs
 * twice.
 */
export function requestWithQueryContext(req: IncomingMessage): IncomingMessage {
  const { url = '', headers } = req;
  const query = url.indexOf('?');
  if (query === -1 || url.length > MAX_TARGET || headers.traceparent !== undefined) return req;
  const parameters = new URLSearchParams(url.slice(query));
  if (!parameters.has('traceparent')) return req;
  const found = Object.fromEntries(PARAMETERS.map((name) => [name, header(parameters.getAll(name))]));
  return Object.create(req, { headers: { value: { ...headers, ...found } } });
}

function header(values: string[]): string | string[] | undefined {
  return values.length > 1 ? values : values[0];
}

/**
 * Returns a URL with a context in the query parameters `traceparent` and `tracestate`, for clients that cannot set headers:
 * browsers. Other fields, baggage above all, do not get into it.
 *
 * @example
 * const socket = new WebSocket(urlWithContext('wss://example.com/chat', { traceparent }));
 */
export function urlWithContext(url: string, fields: { readonly [name: string]: unknown }): string {
  const found = new URL(url);
  for (const name of PARAMETERS) {
    const value = fields[name];
    if (typeof value === 'string') found.searchParams.set(name, value);
  }
  return found.href;
}
