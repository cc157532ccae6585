import { type Context, createContextKey } from '@opentelemetry/api';
import { activeContext, carrierSetter } from '@throughline/core';
import { channels, guarded } from '@throughline/core/seam';
import type { Hops } from '../fetch-call/hops.ts';
import { dispatchedUrl } from '../undici/dispatched-url.ts';
import { headerReader } from '../undici/undici-headers.ts';

/** A request as undici publishes it before it is written. */
interface SentRequest {
  readonly method: string;
  /** Absent: there is no URL to trace. */
  readonly origin?: string | URL;
  readonly path: string;
  /** Names and values in turn, as they will be written. */
  readonly headers: unknown[];
}

const WATCHED = createContextKey('Throughline watched request');

/** Keyed by a field that only we wrote: when undici takes a request from its queue, the context is another request's. */
const watchedByField = new Map<string, WatchedRequest[]>();
const watchedBySent = new WeakMap<object, WatchedRequest>();

/**
 * Observes what undici sends for one `Request`.
 *
 * A `Request` may hold a dispatcher that cannot be read, so it cannot be wrapped. But undici publishes each request
 * before it writes it, and that is where the headers of redirects are decided.
 */
export class WatchedRequest {
  readonly #hops: Hops;
  /** The caller's own values of the fields that we wrote or removed. */
  readonly #own: ReadonlyMap<string, string | undefined>;
  readonly #field: string | undefined;
  #first = true;

  /** Compares the headers before and after ours were written. */
  constructor(hops: Hops, before: ReadonlyMap<string, string>, after: Headers) {
    subscribeOnce();
    this.#hops = hops;
    const own = new Map<string, string | undefined>();
    for (const [name, value] of after) if (before.get(name) !== value) own.set(name, before.get(name));
    const [written] = own.keys();
    this.#field = written === undefined ? undefined : `${written}:${after.get(written)}`;
    for (const [name, value] of before) if (!after.has(name)) own.set(name, value);
    this.#own = own;
    if (this.#field !== undefined)
      watchedByField.set(this.#field, [...(watchedByField.get(this.#field) ?? []), this]);
  }

  /** Returns `context` with this request, to send it in. */
  in(context: Context): Context {
    return context.setValue(WATCHED, this);
  }

  /** Must be called when the response or the failure has arrived. */
  done(): void {
    if (this.#field === undefined) return;
    const others = watchedByField.get(this.#field)?.filter((other) => other !== this) ?? [];
    if (others.length === 0) watchedByField.delete(this.#field);
    else watchedByField.set(this.#field, others);
  }

  onCreate(request: SentRequest): void {
    watchedBySent.set(request, this);
    if (this.#first) {
      this.#first = false;
      return;
    }
    const { method, headers } = request;
    for (const [name, value] of this.#own) {
      if (value === undefined) carrierSetter.delete(headers, name);
      else carrierSetter.set(headers, name, value);
    }
    const url = dispatchedUrl(request);
    const header = headerReader([...headers]);
    if (url !== undefined) this.#hops.next({ method, url, headers, header });
  }

  onHead(statusCode: number, headers: unknown): void {
    if (statusCode >= 200) this.#hops.observe({ statusCode, header: headerReader(headers) });
  }

  onError(error: unknown): void {
    this.#hops.observe({ error });
  }
}

function watchedOf({ headers }: SentRequest): WatchedRequest | undefined {
  const inContext = activeContext().getValue(WATCHED) as WatchedRequest | undefined;
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const found = watchedByField.get(`${String(headers[at]).toLowerCase()}:${headers[at + 1]}`);
    if (found !== undefined) return found.find((one) => one === inContext) ?? found[0];
  }
  return inContext;
}

let subscribed = false;
function subscribeOnce(): void {
  if (subscribed) return;
  subscribed = true;
  listen('undici:request:create', (message) => {
    const { request } = message as { request: SentRequest };
    if (Array.isArray(request.headers)) watchedOf(request)?.onCreate(request);
  });
  listen('undici:request:headers', (message) => {
    const { request, response } = message as {
      request: object;
      response: { statusCode: number; headers: unknown };
    };
    watchedBySent.get(request)?.onHead(response.statusCode, response.headers);
  });
  listen('undici:request:error', (message) => {
    const { request, error } = message as { request: object; error: unknown };
    watchedBySent.get(request)?.onError(error);
  });
}

function listen(channel: string, observe: (message: unknown) => void): void {
  channels?.subscribe(channel, (message) =>
    guarded('a request of undici could not be followed', () => observe(message)),
  );
}
