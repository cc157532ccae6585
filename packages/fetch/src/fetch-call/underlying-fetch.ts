import { type Context, createContextKey } from '@opentelemetry/api';
import { isUndiciFetch } from './is-undici-fetch.ts';

type Fetch = typeof globalThis.fetch;
/** Returns a fetch that is not in `skip`. */
type Lookup = (skip: ReadonlySet<unknown>) => Fetch | undefined;

/** The functions whose calls led here: ours, and those that they send with. */
const CALLING = createContextKey('Throughline fetch functions being called');

/** The last global fetch seen that was undici's own: Node's, or that of a package installed in its place. */
let platformFetch = globalThis.fetch;
const lookups = new WeakMap<object, Lookup>();

/** What one traced fetch sends with. */
export interface UnderlyingFetch {
  /** Returns the fetch to use for a call made in `context`. */
  find(context: Context): Fetch;
  /** Returns the context to call `fetch` in, so that a call that leads back here is recognised. */
  calling(fetch: Fetch, context: Context): Context;
}

/**
 * Returns what `self` sends with: `given`, or the global fetch at the time of the call.
 *
 * That may lead back to `self`: the global fetch may have become `self`, a function around it, or another traced
 * fetch. Then an earlier global fetch is used: the one from when `self` was created or, if that was the platform's,
 * the platform's as last seen.
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
      // Another traced fetch adds nothing to a traced call, so it is bypassed: what it sends with is used.
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
