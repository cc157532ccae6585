import { runInContext } from '@throughline/core';
import { httpUrl, sentMethod } from '../fetch-call/fetch-arguments.ts';
import type { FetchCall } from '../fetch-call/fetch-call.ts';
import { REDIRECT_STATUS } from '../fetch-call/redirect-status.ts';
import { headersOf, inheritedSettings, isRequest, membersOf } from './caller-members.ts';
import { heldBody } from './held-body.ts';
import {
  dropsBody,
  isStream,
  MAX_REDIRECTS,
  networkError,
  redirectedHeaders,
  redirectUrl,
} from './redirect-rules.ts';

/** One request of a chain: what to send, and where to. */
interface Hop {
  readonly input: FetchCall['input'];
  readonly init: RequestInit;
  readonly url: URL;
}

/**
 * Sends a call by any function of the shape of `fetch`, and follows redirects by the standard's rules, one request
 * at a time, so that each can have its own headers.
 *
 * `fetch` itself sends every header that the caller set to each redirect target, except the few that it knows to be
 * secret. Trace headers are not among them.
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
  // `fetch` rejects with its own message what is not a list of headers.
  if (!(own instanceof Headers)) return send(input, { ...init, headers: own } as RequestInit);
  call.signal = 'signal' in init ? init.signal : given?.signal;

  const setting = <Name extends 'mode' | 'redirect' | 'integrity'>(name: Name) =>
    init[name] === undefined ? given?.[name] : init[name];
  const { redirect = 'follow', mode = 'cors' } = { redirect: setting('redirect'), mode: setting('mode') };
  // An integrity check is for the last response and would fail on a redirect, and an opaque response does not show
  // one. Then redirects are followed out of our sight, and we must not add a header that could travel along.
  const unseen = redirect === 'follow' && (Boolean(setting('integrity')) || mode === 'no-cors');
  const following = redirect === 'follow' && !unseen;
  const held = following && given?.body && !given.bodyUsed && init.body == null ? heldBody(given) : undefined;

  // Any member in `init` resets a request's referrer. That is right for the caller's members, but not for ours.
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
    const { status } = response;
    if (status > 0) hops.observe({ statusCode: status, header: (name) => response.headers.get(name) });
    const location = following && REDIRECT_STATUS.has(status) ? response.headers.get('location') : null;
    if (location === null) {
      if (hop.input !== input) Object.defineProperty(response, 'redirected', { value: true });
      if (crossed && response.type === 'basic') Object.defineProperty(response, 'type', { value: 'cors' });
      return response;
    }
    const url = redirectUrl(location, hop.url, mode, named);
    if (hops.sent > MAX_REDIRECTS) throw networkError('redirect count exceeded');
    const body = hop.input === input ? (hop.init.body ?? held) : hop.init.body;
    if (status !== 303 && isStream(body)) throw networkError('a streamed body cannot be sent again');
    const bare = dropsBody(status, method);
    const leaves = url.origin !== hop.url.origin;
    headers = redirectedHeaders(headers, { body: bare, origin: leaves });
    crossed ||= leaves;
    // A held body is sent as bytes, so that its length is sent again, too.
    const again = bare ? null : body instanceof Function ? await body() : (body ?? null);
    if (again === undefined) throw networkError('a body of this length cannot be sent again');
    await response.body?.cancel();
    hop = {
      url,
      input: url,
      init: {
        ...(given && inheritedSettings(given)),
        ...hop.init,
        method: bare ? 'GET' : method,
        body: again,
      },
    };
  }
}
