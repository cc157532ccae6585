import type { Context } from '@opentelemetry/api';

interface Lead {
  /** The URL that the caller named. */
  readonly named: URL;
  /** In milliseconds since 1970. */
  readonly until: number;
}

/** In milliseconds: longer than it takes to follow a redirect and to retry it. */
const KEPT_FOR = 60_000;
/** Calls made outside of any request share one context, so the leads of a context are limited. */
const MAX_LEADS = 100;

/**
 * Recognises requests that are made because a response redirected there.
 *
 * A client that follows redirects above an interceptor or an agent does not announce it. But its next request goes to
 * where the response pointed, and in the same context. Only redirects that leave the origin that the caller named
 * are remembered.
 */
export class FollowedRedirects {
  readonly #leads = new WeakMap<Context, Map<string, Lead>>();

  /** Returns the URL that the caller named, if a response redirected from there to `url`. */
  origin(context: Context, url: URL): URL | undefined {
    const lead = this.#leads.get(context)?.get(withoutFragment(url));
    return lead !== undefined && lead.until > Date.now() ? lead.named : undefined;
  }

  /** Remembers where a response of `from` points. */
  remember(context: Context, from: URL, named: URL, location: string | undefined): void {
    if (location === undefined || !URL.canParse(location, from.href)) return;
    const to = new URL(location, from);
    if (to.origin === named.origin) return;
    const leads = this.#leads.get(context) ?? new Map<string, Lead>();
    this.#leads.set(context, leads);
    const key = withoutFragment(to);
    // Moved to the end, because the first is dropped as the oldest.
    leads.delete(key);
    leads.set(key, { named, until: Date.now() + KEPT_FOR });
    for (const oldest of leads.keys()) if (leads.size > MAX_LEADS) leads.delete(oldest);
  }
}

function withoutFragment({ href, hash }: URL): string {
  return hash === '' ? href : href.slice(0, -hash.length);
}
