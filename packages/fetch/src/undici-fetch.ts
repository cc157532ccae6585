type Fetch = typeof globalThis.fetch;

/** The fetch of Node and that of the package undici, as their source reads; bundlers may number the name. */
const SOURCE =
  /^(async )?function fetch\d* ?\((input|init|resource), (init|options) ?= ?(undefined|void 0)\) ?\{[\s\S]*fetchImpl/;

const known = new WeakMap<Fetch, boolean>();

/**
 * Whether `fetch` is undici's own, Node's included: it sends every request of a call, redirects too, through the
 * `dispatcher` that it is given.
 *
 * A function that calls it is none: what that hands on is not known.
 */
export function isUndiciFetch(fetch: Fetch): boolean {
  const answer = known.get(fetch);
  if (answer !== undefined) return answer;
  const found =
    typeof fetch === 'function' &&
    // A frozen global object holds no dispatcher for us to find.
    Object.isExtensible(globalThis) &&
    SOURCE.test(Function.prototype.toString.call(fetch));
  if (typeof fetch === 'function') known.set(fetch, found);
  return found;
}
