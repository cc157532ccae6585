type FetchInput = string | URL | Request;

/** One request of a chain: what to send, and where to. */
export interface Hop {
  readonly request: { readonly input: FetchInput; readonly init: RequestInit };
  readonly url: URL;
  /** Hops before this one. */
  readonly resendCount: number;
}

/** The redirects of one call to `fetch`. */
export interface Redirects {
  readonly first: Hop;
  /** The `redirect` mode to send each hop with. */
  readonly mode: Request['redirect'];
  /** `false`: hops are followed out of our sight, so no header may be added that could travel along. */
  readonly mayInject: boolean;
  /**
   * The hop that `response` leads to; `undefined` when it is the answer. Rejects where `fetch` would.
   * The response that led on is given up, the last one is marked as redirected.
   */
  follow(hop: Hop, response: Response): Promise<Hop | undefined>;
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
 * Follows redirects by the rules of `fetch`, one request at a time, so that each can have its own headers.
 *
 * `fetch` on its own carries every header that the caller set to wherever it is sent, except the few that it
 * knows to be secret; trace headers are not among them.
 *
 * @see https://fetch.spec.whatwg.org/#http-redirect-fetch
 */
export function createRedirects(input: FetchInput, init: RequestInit, url: URL): Redirects {
  const given = input instanceof Object && !(input instanceof URL) ? (input as Request) : undefined;
  const mode = init.redirect ?? given?.redirect ?? 'follow';
  const byFetch = mode === 'follow' && Boolean(init.integrity ?? given?.integrity);
  const following = mode === 'follow' && !byFetch;
  // A Request's body can be read once. Should a 307 ask for it again, this copy is there; without a body it is free.
  let spare = following && given?.body && init.body === undefined ? given.clone() : undefined;

  return {
    first: { request: { input, init }, url, resendCount: 0 },
    mode: following ? 'manual' : mode,
    mayInject: !byFetch,
    async follow(hop, response) {
      const location =
        following && REDIRECT_STATUS.has(response.status) ? response.headers.get('location') : null;
      if (location === null) {
        await spare?.body?.cancel();
        if (hop.resendCount > 0) Object.defineProperty(response, 'redirected', { value: true });
        return undefined;
      }
      const next = nextUrl(utf8(location), hop.url, init.mode ?? given?.mode);
      if (hop.resendCount >= MAX_REDIRECTS) throw networkError('redirect count exceeded');
      const previous = hop.request.init;
      const method = (previous.method ?? given?.method ?? 'GET').toUpperCase();
      const dropsBody =
        (response.status === 303 && method !== 'GET' && method !== 'HEAD') ||
        ((response.status === 301 || response.status === 302) && method === 'POST');
      const headers = new Headers(previous.headers ?? given?.headers);
      if (dropsBody) for (const name of BODY_HEADERS) headers.delete(name);
      if (next.origin !== hop.url.origin) for (const name of ORIGIN_HEADERS) headers.delete(name);
      if (!dropsBody && isStream(previous.body)) throw networkError('a streamed body cannot be sent again');
      // As bytes, so that its length is sent again too.
      const body = dropsBody ? null : (previous.body ?? (await spare?.arrayBuffer()) ?? null);
      if (dropsBody) await spare?.body?.cancel();
      spare = undefined;
      await response.body?.cancel();
      return {
        url: next,
        resendCount: hop.resendCount + 1,
        request: {
          input: next,
          init: {
            ...(given && settingsOf(given)),
            ...previous,
            method: dropsBody ? 'GET' : (previous.method ?? given?.method ?? 'GET'),
            headers,
            body,
          },
        },
      };
    },
  };
}

function nextUrl(location: string, from: URL, mode: Request['mode'] | undefined): URL {
  if (!URL.canParse(location, from.href)) throw networkError('invalid redirect location');
  const next = new URL(location, from);
  if (next.hash === '') next.hash = from.hash;
  if (next.protocol !== 'http:' && next.protocol !== 'https:')
    throw networkError('URL scheme must be a HTTP(S) scheme');
  if ((mode ?? 'cors') === 'cors' && (next.username || next.password) && next.origin !== from.origin)
    throw networkError('cross origin not allowed for request mode "cors"');
  return next;
}

/** Header values come as one character per byte, and a location beyond ASCII is meant as UTF-8. */
function utf8(value: string): string {
  return new TextDecoder().decode(Uint8Array.from(value, (character) => character.charCodeAt(0)));
}

/** Of a `Request`, what a request to another URL takes over. */
function settingsOf({ signal, keepalive, credentials, cache, mode, referrerPolicy }: Request): RequestInit {
  return {
    signal,
    keepalive,
    credentials,
    cache,
    mode: mode === 'navigate' ? 'same-origin' : mode,
    referrerPolicy,
  };
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
