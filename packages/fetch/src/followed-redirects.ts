import type { Context } from '@opentelemetry/api';

interface Lead {
  /** The URL that the caller named. */
  readonly named: URL;
  /** In milliseconds since 1970. */
  readonly until: number;
}

/** Longer than redirects are followed and tried again. */
const KEPT_FOR = 60_000;
/** What happens outside of any request shares one context. */
const MAX_LEADS = 100;

/**
 * Knows which requests are made because a response redirected there. Whoever follows redirects above an interceptor, be
 * it another interceptor or `fetch`, says nothing of it, but what it sends next goes to where the response pointed, and
 * in the same context.
 *
 * Only what leaves the origin that the caller named is kept.
 */
export class FollowedRedirects {
  readonly #leads = new WeakMap<Context, Map<string, Lead>>();

  /** The URL that the caller named, where a response has led from there to `url`. */
  origin(context: Context, url: URL): URL | undefined {
    const lead = this.#leads.get(context)?.get(withoutFragment(url));
    return lead !== undefined && lead.until > Date.now() ? lead.named : undefined;
  }

  /** Hears where a response of `from` points. */
  heard(context: Context, from: URL, named: URL, location: string | undefined): void {
    if (location === undefined || !URL.canParse(location, from.href)) return;
    const to = new URL(location, from);
    if (to.origin === named.origin) return;
    const leads = this.#leads.get(context) ?? new Map<string, Lead>();
    this.#leads.set(context, leads);
    const key = withoutFragment(to);
    // Again at the end: the oldest goes first.
    leads.delete(key);
    leads.set(key, { named, until: Date.now() + KEPT_FOR });
    for (const oldest of leads.keys()) if (leads.size > MAX_LEADS) leads.delete(oldest);
  }
}

function withoutFragment({ href, hash }: URL): string {
  return hash === '' ? href : href.slice(0, -hash.length);
}
