import { carrierGetter } from '@throughline/core';

/** Returns a function that reads headers in any of undici's forms by name; of several values it returns the first. */
export function headerReader(headers: unknown): (name: string) => string | undefined {
  let pairs: [string, unknown][] | undefined;
  return (name) => {
    pairs ??= headerPairs(headers);
    return firstValue(carrierGetter.get(pairs, name));
  };
}

/** Returns the first of several values of a header. */
export function firstValue(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** Returns a copy of headers in any of undici's forms: a flat array, an object, or an iterable of pairs. */
export function headerPairs(headers: unknown): [name: string, value: unknown][] {
  if (headers === null || headers === undefined) return [];
  if (Array.isArray(headers) && !Array.isArray(headers[0]))
    return Array.from({ length: headers.length >> 1 }, (_, pair) => [
      String(headers[pair * 2]),
      headers[pair * 2 + 1],
    ]);
  if (Symbol.iterator in Object(headers)) return [...(headers as Iterable<[string, unknown]>)];
  return Object.entries(headers as object);
}
