import type { HttpOptionCapability, HttpTraceOptions } from '../kit/http-trace-options.ts';
import type { KitOptions } from '../kit/kit-options.ts';
import type { HttpClientUnderTest } from './http-client-under-test.ts';

/** The abilities that a client may lack. */
export type HttpClientCapability =
  /** Makes a CLIENT span per request; without spans, only what is on the wire is checked. */
  | 'spans'
  /** Has the shape of the global `fetch`. */
  | 'fetch'
  /** Follows redirects itself, with one span per hop. */
  | 'redirects'
  /** Removes stale fields that the caller set, in any letter case. */
  | 'replace'
  /** Sees the request's headers, and with them a signature. */
  | 'signature'
  /** Sends methods outside the known ones. */
  | 'anyMethod'
  /** An `AbortSignal` can cancel a request. */
  | 'abort'
  /** Can end the span with the body of the response instead of its head. */
  | 'endOnBody'
  | 'metrics'
  | 'providers'
  | HttpOptionCapability;

/** Options of the client as the kit sets them; a client with other names maps them in its spec file. */
export interface HttpClientTraceOptions extends HttpTraceOptions<{ readonly url: URL }> {
  readonly spanName?: (request: { readonly method: string }) => string;
  readonly endOn?: 'headers' | 'body';
}

/** What the kit needs to know about one client. */
export interface HttpClientConformanceOptions extends KitOptions<HttpClientCapability> {
  /** Returns the client for one case, with these options. */
  connect(traceOptions: HttpClientTraceOptions): HttpClientUnderTest | Promise<HttpClientUnderTest>;
}
