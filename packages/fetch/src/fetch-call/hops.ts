import type { Context } from '@opentelemetry/api';
import { activeContext, type Carrier, runInContext } from '@throughline/core';
import type {
  CallPropagation,
  HttpClientCall,
  HttpClientOutcome,
  HttpClientTracer,
  OutboundInjection,
} from '@throughline/http-semantics';
import { REDIRECT_STATUS } from './redirect-status.ts';

/** What is sent next for one call: the call itself, a redirect, another attempt. */
export interface HopRequest {
  readonly method: string;
  readonly url: URL;
  /** Receives the context, if the target may. */
  readonly headers: Carrier;
  /** Reads a header that the caller set, by lower-case name. */
  readonly header: (name: string) => string | null | undefined;
}

/** The requests that one call of `fetch` sends, one after the other, each in a span of its own. */
export class Hops {
  /** How many requests were sent. */
  sent = 0;
  readonly #startCall: HttpClientTracer;
  readonly #inject: OutboundInjection;
  readonly #parent: Context;
  readonly #policy: CallPropagation | undefined;
  #call: HttpClientCall | undefined;
  #head: HttpClientOutcome | undefined;
  #url: URL | undefined;
  #named: URL | undefined;
  #fragment: string;

  constructor(
    tracing: { readonly startCall: HttpClientTracer; readonly inject: OutboundInjection },
    parent: Context,
    policy: CallPropagation | undefined,
    fragment: string,
  ) {
    this.#startCall = tracing.startCall;
    this.#inject = tracing.inject;
    this.#parent = parent;
    this.#policy = policy;
    this.#fragment = fragment;
  }

  /** Ends the span of the previous request, starts the next one, injects it into the headers and returns its context. */
  next({ method, url, headers, header }: HopRequest): Context {
    this.#call?.end(this.#head ?? {});
    this.#head = undefined;
    if (this.#fragment !== '' && url.hash === '') url.hash = this.#fragment;
    this.#url = url;
    this.#named ??= url;
    const request = { method, url, resendCount: this.sent++, header };
    // Some tracers use the active context instead of the parent that they get, and on the wire tracing is suppressed.
    const call =
      activeContext() === this.#parent
        ? this.#startCall(request, this.#parent)
        : runInContext(this.#parent, () => this.#startCall(request, this.#parent));
    this.#call = call;
    this.#inject(call.context, headers, { url, header, named: this.#named }, this.#policy);
    return call.context;
  }

  /** Records how far the current request has come: the head of its response, or what it failed with. */
  observe(outcome: HttpClientOutcome): void {
    // A dispatcher that retries reports the discarded response as an error. The request itself did not fail.
    if (outcome.error !== undefined && this.#head?.statusCode !== undefined) return;
    this.#head = outcome;
    const location = REDIRECT_STATUS.has(outcome.statusCode ?? 0) ? outcome.header?.('location') : undefined;
    // The request that follows shows no fragment, because fetch does not send it.
    if (location && URL.canParse(location, this.#url?.href))
      this.#fragment = new URL(location, this.#url).hash || this.#fragment;
  }

  /** Ends the last span with the response of the call, and with what broke its body. */
  endWithResponse({ status, headers }: Response, failed?: HttpClientOutcome): void {
    if (failed === undefined && this.#head?.statusCode !== undefined) {
      this.#call?.end(this.#head);
      return;
    }
    // An opaque response hides its status.
    const statusCode = status === 0 ? undefined : status;
    this.end({ statusCode, header: (name) => headers.get(name), ...failed });
  }

  /** Ends the last span, with `outcome`. What was observed of its response takes precedence. */
  end(outcome: HttpClientOutcome): void {
    const { statusCode, header, error } = this.#head ?? outcome;
    this.#call?.end({
      ...outcome,
      statusCode: statusCode ?? outcome.statusCode,
      header: header ?? outcome.header,
      error: error ?? outcome.error,
    });
  }
}
