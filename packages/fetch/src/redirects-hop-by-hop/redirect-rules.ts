/**
 * The standard's rules for redirects.
 *
 * @see https://fetch.spec.whatwg.org/#http-redirect-fetch
 * @module
 */

export const MAX_REDIRECTS = 20;

const BODY_HEADERS = [
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-type',
];
const ORIGIN_HEADERS = ['authorization', 'cookie', 'host', 'proxy-authorization'];

/**
 * Returns the URL that a response of `from` redirects to, in a call that named `named`.
 *
 * @throws TypeError as `fetch` rejects, when the redirect must not be followed.
 */
export function redirectUrl(location: string, from: URL, mode: string, named: URL): URL {
  const text = utf8(location);
  if (!URL.canParse(text, from.href)) throw networkError('invalid redirect location');
  const next = new URL(text, from);
  if (next.hash === '') next.hash = from.hash;
  if (next.protocol !== 'http:' && next.protocol !== 'https:')
    throw networkError('URL scheme must be a HTTP(S) scheme');
  if (mode === 'same-origin' && next.origin !== named.origin)
    throw networkError('cross origin not allowed for request mode "same-origin"');
  // `fetch` rejects such a URL in every mode.
  if (next.username || next.password) throw networkError('credentials in a redirect location');
  return next;
}

/** Returns whether the next request is a GET without the body. */
export function dropsBody(status: number, method: string): boolean {
  return (
    (status === 303 && method !== 'GET' && method !== 'HEAD') ||
    ((status === 301 || status === 302) && method === 'POST')
  );
}

/** Returns the caller's headers that the next request keeps. */
export function redirectedHeaders(headers: Headers, without: { body: boolean; origin: boolean }): Headers {
  const kept = new Headers(headers);
  if (without.body) for (const name of BODY_HEADERS) kept.delete(name);
  if (without.origin) for (const name of ORIGIN_HEADERS) kept.delete(name);
  return kept;
}

/** Returns whether sending the body consumes it. */
export function isStream(body: unknown): boolean {
  return (
    typeof body === 'object' &&
    body !== null &&
    (body instanceof ReadableStream || (Symbol.asyncIterator in body && !(body instanceof Blob)))
  );
}

/** Returns an error such as `fetch` rejects with: the reason is in the cause. */
export function networkError(reason: string): TypeError {
  return new TypeError('fetch failed', { cause: new Error(reason) });
}

/** Header values have one character per byte, and a location beyond ASCII is UTF-8. */
function utf8(value: string): string {
  return new TextDecoder().decode(Uint8Array.from(value, (character) => character.charCodeAt(0)));
}
