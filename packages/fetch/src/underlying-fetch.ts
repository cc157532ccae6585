import { type Context, createContextKey } from '@opentelemetry/api';
import { isUndiciFetch } from './undici-fetch.ts';

type Fetch = typeof globalThis.fetch;
/** Finds a fetch that is none of `skip`. */
type Lookup = (skip: ReadonlySet<unknown>) => Fetch | undefined;

/** The functions whose call led here: ours, and those that they send with. */
const CALLING = createContextKey('Throughline fetch functions being called');

/** The last global fetch seen that was undici's own: Node's, or the one of a package that was put in its place. */
let platformFetch = globalThis.fetch;
const lookups = new WeakMap<object, Lookup>();

/** What one traced fetch sends with. */
export interface UnderlyingFetch {
  /** The fetch to call for a call made in `context`. */
  find(context: Context): Fetch;
  /** The context to call `fetch` in, so that it can be recognised when it leads back here. */
  calling(fetch: Fetch, context: Context): Context;
}

/**
 * What `self` sends with: `given`, or the global fetch as it is when the call is made.
 *
 * It may lead back to `self`: the global fetch may have become `self`, a function around it, or another traced
 * fetch. Then the global fetch from before is taken: the one from when `self` was made or, if that was the
 * platform's, the platform's as it was last seen.
 */
export function underlyingFetch(self: object, given: Fetch | undefined): UnderlyingFetch {
  const before = globalThis.fetch;
  if (isUndiciFetch(before)) platformFetch = before;
  const lookup: Lookup = (skip) => {
    for (const candidate of [
      given ?? globalThis.fetch,
      isUndiciFetch(before) ? platformFetch : before,
      platformFetch,
    ]) {
      if (skip.has(candidate)) continue;
      // Another traced fetch adds nothing to a call that is traced: what that one sends with is enough.
      const next = lookups.get(candidate);
      const found = next === undefined ? candidate : next(new Set([...skip, candidate]));
      if (found !== undefined) return found;
    }
    return undefined;
  };
  lookups.set(self, lookup);
  return {
    find(context) {
      const first = given ?? globalThis.fetch;
      if (!isUndiciFetch(first)) return lookup(new Set([self, ...callingIn(context)])) ?? platformFetch;
      if (given === undefined) platformFetch = first;
      return first;
    },
    calling: (fetch, context) =>
      isUndiciFetch(fetch) ? context : context.setValue(CALLING, [...callingIn(context), self, fetch]),
  };
}

function callingIn(context: Context): readonly unknown[] {
  return (context.getValue(CALLING) as readonly unknown[] | undefined) ?? [];
}
