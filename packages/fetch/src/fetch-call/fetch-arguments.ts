export type FetchInput = string | URL | Request;

/** Returns the URL of a request that goes over HTTP; `undefined` for `data:`, `blob:` and what is not a URL at all. */
export function httpUrl(input: unknown): URL | undefined {
  try {
    const text =
      input instanceof URL ? input.href : typeof input === 'string' ? input : (input as Request).url;
    const url = new URL(text);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
  } catch {
    // `fetch` itself reports what is wrong with it.
    return undefined;
  }
}

/** Returns the fragment of the URL, as `URL` has it. */
export function fragmentOf(input: unknown): string {
  // Most calls have none, and parsing costs more than looking.
  return typeof input === 'string' && !input.includes('#') ? '' : (httpUrl(input)?.hash ?? '');
}

const NORMALIZED = /^(get|head|post|put|delete|options)$/i;

/** Returns the method as `fetch` will send it: six methods in upper case, others as they are. */
export function sentMethod(method: unknown): string {
  if (typeof method !== 'string') return 'GET';
  return NORMALIZED.test(method) ? method.toUpperCase() : method;
}
