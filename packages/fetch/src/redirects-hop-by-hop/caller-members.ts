import type { FetchCall } from '../fetch-call/fetch-call.ts';

/** The members that `fetch` knows. */
const MEMBERS =
  'body cache credentials dispatcher duplex headers integrity keepalive method mode priority redirect referrer referrerPolicy signal window';

/**
 * Returns the members of `init` as a plain object, without `trace`.
 *
 * Inherited members count, too: a `Request`, or an object of a class, may stand in for `init`.
 */
export function membersOf(init: RequestInit | null | undefined): RequestInit {
  const { trace: _, ...members }: Record<string, unknown> = { ...init };
  for (const name of MEMBERS.split(' ')) {
    if (init == null || Object.hasOwn(members, name)) continue;
    const value = Reflect.get(init, name, init) as unknown;
    if (value !== undefined) members[name] = value;
  }
  return members;
}

/** Returns the headers, read once because an iterator yields them only once. Returns as it is what cannot be read. */
export function headersOf(listed: unknown): Headers | RequestInit['headers'] {
  const items =
    typeof listed === 'object' && listed !== null && Symbol.iterator in listed && !Array.isArray(listed)
      ? [...(listed as Iterable<[string, string]>)]
      : (listed as RequestInit['headers']);
  try {
    return new Headers(items);
  } catch {
    return items;
  }
}

export function isRequest(input: FetchCall['input']): input is Request {
  return typeof input === 'object' && !(input instanceof URL);
}

/** Returns the settings of a `Request` that a request to another URL inherits. */
export function inheritedSettings({ signal, keepalive, credentials, cache, mode }: Request): RequestInit {
  return { signal, keepalive, credentials, cache, mode: mode === 'navigate' ? 'same-origin' : mode };
}
