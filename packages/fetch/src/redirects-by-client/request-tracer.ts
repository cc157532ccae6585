import type { Context } from '@opentelemetry/api';
import type { Carrier } from '@throughline/core';
import type { Scope } from '@throughline/core/seam';
import {
  createHttpClientTracer,
  createOutboundInjection,
  type HttpClientCall,
  type HttpClientOptions,
  type HttpClientOutcome,
  type HttpClientRequest,
  type OutboundInjection,
} from '@throughline/http-semantics';
import { FollowedRedirects } from './followed-redirects.ts';

/** Starts the CLIENT span of one request, as a child of what is active in `parent`. */
export type RequestTracer = (request: HttpClientRequest, parent: Context) => TracedRequest;

/**
 * Returns a tracer for the single requests of a client that follows redirects itself, out of our sight.
 *
 * @throws TypeError that names the client, the option and what it got.
 */
export function createRequestTracer(options: HttpClientOptions, scope: Scope): RequestTracer {
  const startCall = createHttpClientTracer(options, scope);
  const client: Client = { inject: createOutboundInjection(options), redirects: new FollowedRedirects() };
  return (request, parent) => new TracedRequest(client, startCall(request, parent), request, parent);
}

/** What the requests of one client share. */
interface Client {
  readonly inject: OutboundInjection;
  readonly redirects: FollowedRedirects;
}

/** One request under way, in its CLIENT span. */
export class TracedRequest {
  readonly #client: Client;
  readonly #call: HttpClientCall;
  readonly #request: HttpClientRequest;
  readonly #parent: Context;
  /** The URL that the caller named: the request's own, unless a response redirected here. */
  readonly #named: URL;

  constructor(client: Client, call: HttpClientCall, request: HttpClientRequest, parent: Context) {
    this.#client = client;
    this.#call = call;
    this.#request = request;
    this.#parent = parent;
    this.#named = client.redirects.origin(parent, request.url) ?? request.url;
  }

  /** Holds the CLIENT span, or is the caller's context if none was started. */
  get context(): Context {
    return this.#call.context;
  }

  /** Writes the context into the headers, if the target may receive it. */
  inject(headers: Carrier): void {
    const { url, header } = this.#request;
    this.#client.inject(this.context, headers, { url, header, named: this.#named });
  }

  /** Ends the span with the head of the response, and remembers where it redirects. */
  endWithHead(
    statusCode: number,
    header: (name: string) => string | undefined,
    connection?: HttpClientOutcome['connection'],
  ): void {
    if (statusCode >= 300 && statusCode < 400)
      this.#client.redirects.remember(this.#parent, this.#request.url, this.#named, header('location'));
    this.#call.end({ statusCode, header, connection });
  }

  /** Ends the span with what the request failed with. The caller's abort signal is not an error. */
  endWithError(error: unknown): void {
    this.#call.end({ error, cancelled: error instanceof Error && error.name === 'AbortError' });
  }

  /** Ends the span of a request that got no response and did not fail either. */
  endWithout(): void {
    this.#call.end({});
  }
}
