import { stringify } from 'node:querystring';

/** What undici passes to `dispatch`, as far as it makes the URL. */
export interface DispatchTarget {
  readonly origin?: string | URL | undefined;
  readonly path: string;
  readonly query?: unknown;
}

/**
 * The URL that undici will send a dispatched request to; `undefined` when there is none.
 *
 * A path is no reference to resolve: one that begins with `//` stays at its origin.
 */
export function dispatchedUrl({ origin, path, query }: DispatchTarget): URL | undefined {
  const target = typeof query === 'object' && query !== null ? withQuery(path, query) : path;
  const base = origin instanceof URL ? origin.origin : String(origin);
  const absolute = target.startsWith('/') ? base.replace(/\/$/, '') + target : target;
  return URL.canParse(absolute, base) ? new URL(absolute, base) : undefined;
}

function withQuery(path: string, query: object): string {
  const text = stringify(query as Parameters<typeof stringify>[0]);
  return text === '' ? path : `${path}?${text}`;
}
