type Fetch = typeof globalThis.fetch;

/** Matches the source text of Node's fetch and of the undici package's; bundlers may number the name. */
const SOURCE =
  /^(async )?function fetch\d* ?\((input|init|resource), (init|options) ?= ?(undefined|void 0)\) ?\{[\s\S]*fetchImpl/;

const known = new WeakMap<Fetch, boolean>();

/**
 * Returns whether `fetch` is undici's own, Node's included: it sends every request of a call, redirects too, through
 * the `dispatcher` that it is given.
 *
 * A function that calls undici's fetch does not count, because it may not pass the dispatcher on.
 */
export function isUndiciFetch(fetch: Fetch): boolean {
  const answer = known.get(fetch);
  if (answer !== undefined) return answer;
  const found =
    typeof fetch === 'function' &&
    // On a frozen global object, undici cannot store its dispatcher, so we would not find it.
    Object.isExtensible(globalThis) &&
    SOURCE.test(Function.prototype.toString.call(fetch));
  if (typeof fetch === 'function') known.set(fetch, found);
  return found;
}
