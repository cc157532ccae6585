import { carrierGetter } from '@throughline/core';

/** Returns a function that reads headers by name; of several values it returns the first. */
export function headerReader(headers: unknown): (name: string) => string | undefined {
  return (name) => firstValue(carrierGetter.get(headers, name));
}

/** Returns the first of several values of a header. */
export function firstValue(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** Returns headers in a form that can be read more than once: any but an iterator, which yields its pairs only once. */
export function readableHeaders(headers: unknown): object {
  if (typeof headers !== 'object' || headers === null) return {};
  return Symbol.iterator in headers && !Array.isArray(headers)
    ? [...(headers as Iterable<[string, unknown]>)]
    : headers;
}

/** Returns a copy of readable headers, in a form that undici takes and that can be written to. */
export function writableHeaders(headers: object): object {
  // An empty list does not show whether names and values alternate in it.
  if (!Array.isArray(headers) || headers.length === 0) return { ...headers };
  return Array.isArray(headers[0]) ? headers.flat() : [...headers];
}
