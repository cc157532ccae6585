import { runInContext } from '@throughline/core';
import { type FetchCall, httpUrl, sentMethod } from './fetch-call.ts';
import { heldBody } from './held-body.ts';

/** One request of a chain: what to send, and where to. */
interface Hop {
  readonly input: FetchCall['input'];
  readonly init: RequestInit;
  readonly url: URL;
}

const MAX_REDIRECTS = 20;
const REDIRECT_STATUS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const BODY_HEADERS = [
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-type',
];
const ORIGIN_HEADERS = ['authorization', 'cookie', 'host', 'proxy-authorization'];

/**
 * Sends a call by any function of the shape of `fetch`, and follows redirects by the standard's rules, one request
 * at a time, so that each can have its own headers.
 *
 * `fetch` on its own carries every header that the caller set to wherever it is sent, except the few that it
 * knows to be secret; trace headers are not among them.
 *
 * @see https://fetch.spec.whatwg.org/#http-redirect-fetch
 */
export async function sendHopByHop(call: FetchCall): Promise<Response> {
  const { fetch, input, hops, context } = call;
  const send = (target: FetchCall['input'], init: RequestInit | null | undefined) =>
    runInContext(context, () => fetch(target, init as RequestInit));
  const named = httpUrl(input);
  if (named === undefined || (call.init != null && Object(call.init) !== call.init))
    return send(input, call.init);
  const given = isRequest(input) ? input : undefined;
  const { headers: listed, ...init } = membersOf(call.init);
  const own = headersOf(listed === undefined ? given?.headers : listed);
  // What is no list of headers, fetch refuses in its own words.
  if (!(own instanceof Headers)) return send(input, { ...init, headers: own } as RequestInit);
  call.signal = 'signal' in init ? init.signal : given?.signal;

  const setting = <Name extends 'mode' | 'redirect' | 'integrity'>(name: Name) =>
    init[name] === undefined ? given?.[name] : init[name];
  const { redirect = 'follow', mode = 'cors' } = { redirect: setting('redirect'), mode: setting('mode') };
  // A check on the last response would fail on a redirect, and an opaque response shows none. Then redirects are
  // followed out of our sight, and no header may be added that could travel along.
  const unseen = redirect === 'follow' && (Boolean(setting('integrity')) || mode === 'no-cors');
  const following = redirect === 'follow' && !unseen;
  const held = following && given?.body && !given.bodyUsed && init.body == null ? heldBody(given) : undefined;

  // Members of our own make a request forget where it came from, as members of the caller's should.
  const keeps = given !== undefined && listed === undefined && Object.keys(init).length === 0;
  const cameFrom = keeps && { referrer: given.referrer, referrerPolicy: given.referrerPolicy };
  let crossed = false;
  let hop: Hop = { input, init: { ...cameFrom, ...init }, url: named };
  for (let headers = new Headers(own); ; ) {
    const method = sentMethod(hop.init.method ?? given?.method);
    const sent = new Headers(headers);
    hops.next({
      method,
      url: new URL(hop.url),
      headers: unseen ? {} : sent,
      header: (name) => headers.get(name),
    });
    const response = await send(hop.input, {
      ...hop.init,
      headers: sent,
      redirect: following ? 'manual' : redirect,
    });
    if (response.status > 0)
      hops.heard({ statusCode: response.status, header: (name) => response.headers.get(name) });
    const { status } = response;
    const location = following && REDIRECT_STATUS.has(status) ? response.headers.get('location') : null;
    if (location === null) {
      if (hop.input !== input) Object.defineProperty(response, 'redirected', { value: true });
      if (crossed && response.type === 'basic') Object.defineProperty(response, 'type', { value: 'cors' });
      return response;
    }
    const next = nextUrl(utf8(location), hop.url, mode, named);
    if (hops.sent > MAX_REDIRECTS) throw networkError('redirect count exceeded');
    const body = hop.input === input ? (hop.init.body ?? held) : hop.init.body;
    if (status !== 303 && isStream(body)) throw networkError('a streamed body cannot be sent again');
    const dropsBody =
      (status === 303 && method !== 'GET' && method !== 'HEAD') ||
      ((status === 301 || status === 302) && method === 'POST');
    headers = new Headers(headers);
    if (dropsBody) for (const name of BODY_HEADERS) headers.delete(name);
    crossed ||= next.origin !== hop.url.origin;
    if (next.origin !== hop.url.origin) for (const name of ORIGIN_HEADERS) headers.delete(name);
    // As bytes, so that its length is sent again too.
    const again = dropsBody ? null : body instanceof Function ? await body() : (body ?? null);
    if (again === undefined) throw networkError('a body of this length cannot be sent again');
    await response.body?.cancel();
    hop = {
      url: next,
      input: next,
      init: {
        ...(given && settingsOf(given)),
        ...hop.init,
        method: dropsBody ? 'GET' : method,
        body: again,
      },
    };
  }
}

/** Every member that `fetch` knows, inherited ones too: a `Request`, or an object of a class, may stand in for `init`. */
const MEMBERS =
  'body cache credentials dispatcher duplex headers integrity keepalive method mode priority redirect referrer referrerPolicy signal window';

function membersOf(init: RequestInit | null | undefined): RequestInit {
  const { trace: _, ...members }: Record<string, unknown> = { ...init };
  for (const name of MEMBERS.split(' ')) {
    if (init == null || Object.hasOwn(members, name)) continue;
    const value = Reflect.get(init, name, init) as unknown;
    if (value !== undefined) members[name] = value;
  }
  return members;
}

/** The headers, read once: an iterator yields them no second time. What cannot be read is returned as it is. */
function headersOf(listed: unknown): Headers | RequestInit['headers'] {
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

function isRequest(input: FetchCall['input']): input is Request {
  return typeof input === 'object' && !(input instanceof URL);
}

function nextUrl(location: string, from: URL, mode: string, named: URL): URL {
  if (!URL.canParse(location, from.href)) throw networkError('invalid redirect location');
  const next = new URL(location, from);
  if (next.hash === '') next.hash = from.hash;
  if (next.protocol !== 'http:' && next.protocol !== 'https:')
    throw networkError('URL scheme must be a HTTP(S) scheme');
  if (mode === 'same-origin' && next.origin !== named.origin)
    throw networkError('cross origin not allowed for request mode "same-origin"');
  // No request can be made of one, whatever the mode.
  if (next.username || next.password) throw networkError('credentials in a redirect location');
  return next;
}

/** Header values come as one character per byte, and a location beyond ASCII is meant as UTF-8. */
function utf8(value: string): string {
  return new TextDecoder().decode(Uint8Array.from(value, (character) => character.charCodeAt(0)));
}

/** Of a `Request`, what a request to another URL takes over. */
function settingsOf({ signal, keepalive, credentials, cache, mode }: Request): RequestInit {
  return { signal, keepalive, credentials, cache, mode: mode === 'navigate' ? 'same-origin' : mode };
}

/** Bodies without a length of their own are consumed by sending them. */
function isStream(body: unknown): boolean {
  return (
    typeof body === 'object' &&
    body !== null &&
    (body instanceof ReadableStream || (Symbol.asyncIterator in body && !(body instanceof Blob)))
  );
}

/** As `fetch` rejects: the reason is in the cause. */
function networkError(reason: string): TypeError {
  return new TypeError('fetch failed', { cause: new Error(reason) });
}
