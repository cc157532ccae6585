import type { Context } from '@opentelemetry/api';
import { activeContext, type Carrier, runInContext } from '@throughline/core';
import type {
  CallPropagation,
  HttpClientCall,
  HttpClientOutcome,
  HttpClientTracer,
  OutboundInjection,
} from '@throughline/http-semantics';

/** What is sent next for one call: the call itself, a redirect, another attempt. */
export interface HopRequest {
  readonly method: string;
  readonly url: URL;
  /** Receives what the target may be told. */
  readonly headers: Carrier;
  /** Reads a header that the caller set, by lower-case name. */
  readonly header: (name: string) => string | null | undefined;
}

const REDIRECT_STATUS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The requests that one call of `fetch` sends, one after the other: each in a span of its own. */
export class Hops {
  /** How many were sent. */
  sent = 0;
  readonly #startCall: HttpClientTracer;
  readonly #inject: OutboundInjection;
  readonly #parent: Context;
  readonly #policy: CallPropagation | undefined;
  #call: HttpClientCall | undefined;
  #head: HttpClientOutcome = {};
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

  /** Ends the span of the request before, starts the next one and writes into its headers; returns its context. */
  next({ method, url, headers, header }: HopRequest): Context {
    this.#call?.end(this.#head);
    this.#head = {};
    if (url.hash === '' && this.#fragment !== '') url.hash = this.#fragment;
    this.#url = url;
    this.#named ??= url;
    const resendCount = this.sent++;
    const start = () => this.#startCall({ method, url, resendCount, header }, this.#parent);
    // Some tracers look at what is active and not at the parent that they are given: on the wire, tracing is suppressed.
    const call = activeContext() === this.#parent ? start() : runInContext(this.#parent, start);
    this.#call = call;
    this.#inject(call.context, headers, url, {
      ...this.#policy,
      redirectedFrom: this.#named,
      authorization: header('authorization'),
    });
    return call.context;
  }

  /** How far the request under way has come: the head of its response, or what it failed with. */
  heard(outcome: HttpClientOutcome): void {
    // What a dispatcher makes of a response that it tries again is no failure of the request.
    if (outcome.error !== undefined && this.#head.statusCode !== undefined) return;
    this.#head = outcome;
    const location = REDIRECT_STATUS.has(outcome.statusCode ?? 0) ? outcome.header?.('location') : undefined;
    // The request that follows shows no fragment: fetch keeps it to itself.
    if (location && URL.canParse(location, this.#url?.href))
      this.#fragment = new URL(location, this.#url).hash || this.#fragment;
  }

  /** Ends the last span; what was heard of its response comes before what is given. */
  end(outcome: HttpClientOutcome): void {
    this.#call?.end({ ...outcome, ...this.#head });
  }
}
