import { nodeModule } from '@throughline/core/seam';

/** What undici itself uses. */
const querystring = nodeModule<typeof import('node:querystring')>('node:querystring');

/** The options of undici's `dispatch` that make up the URL. */
export interface DispatchTarget {
  /** Absent: `path` is an absolute URL, or there is no URL. */
  readonly origin?: string | URL | undefined;
  readonly path: string;
  /** An object of parameters that undici appends to `path`. Absent: none. */
  readonly query?: unknown;
}

/**
 * Returns the URL that undici will send a dispatched request to, or `undefined` if there is none.
 *
 * A path is not resolved like a reference: one that begins with `//` stays at its origin.
 */
export function dispatchedUrl({ origin, path, query }: DispatchTarget): URL | undefined {
  const target = typeof query === 'object' && query !== null ? withQuery(path, query) : path;
  const base = origin instanceof URL ? origin.origin : String(origin);
  if (!target.startsWith('/')) return parsed(target, base);
  return parsed((base.endsWith('/') ? base.slice(0, -1) : base) + target);
}

/** Not asking `URL.canParse` first, which would parse it twice. */
function parsed(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}

function withQuery(path: string, query: object): string {
  const text = querystring?.stringify(query as Parameters<typeof querystring.stringify>[0]) ?? '';
  return text === '' ? path : `${path}?${text}`;
}
