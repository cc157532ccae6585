import type { ForwardedRequest } from './forwarded.ts';

/** Header fields of a request: names in lower case, repeats joined or as an array, which is Node's own form. */
export interface RequestHeaders {
  readonly [name: string]: string | string[] | undefined;
}

/** What an adapter knows of a request when it arrives. It builds one per request. */
export interface HttpServerRequest {
  /** As received, letter case kept: `GET`. */
  readonly method: string;
  /** The request-target as received: path and query, `/items/1?x=2`; not decoded. Or `*`, or an absolute URL. */
  readonly target: string;
  /** The scheme of the connection that the request came over. */
  readonly scheme: 'http' | 'https';
  readonly headers: RequestHeaders;
  /** The version of HTTP: `1.1`, `2`. Absent: it is not recorded. */
  readonly protocolVersion?: string | undefined;
  /** IP address of the other end of the connection, `192.0.2.1`: the client or the last proxy. Absent: not recorded. */
  readonly peerAddress?: string | undefined;
  readonly peerPort?: number | undefined;
  /** Whether the peer showed a TLS client certificate that the server's authorities signed. Default: `false`. */
  readonly peerAuthorized?: boolean | undefined;
  /** The client's side of the request as the framework's proxy setting resolved it. Absent: it trusts no proxy. */
  readonly forwarded?: ForwardedRequest | undefined;
}

/** How a response ended. Built by the adapter when it is over. */
export interface HttpServerOutcome {
  /** The status that was sent, 100–599. Absent: no head left this server. */
  readonly statusCode?: number | undefined;
  /** The template that matched, with mount prefixes: `/api/items/:id`. Absent: no route matched. */
  readonly route?: string | undefined;
  /** The template of the mount path whose handler answered without a route: `/graphql`. Absent: there is none. */
  readonly mount?: string | undefined;
  /**
   * Why the response was cut short; recorded as `error.type`. Absent: it was not, the last byte was handed over.
   *
   * `client_disconnected`, `timeout`, or `response_destroyed` when this side gave the response up.
   */
  readonly cutShort?: 'client_disconnected' | 'timeout' | 'response_destroyed' | undefined;
  /** Returns a response header that was sent, by lower-case name. Absent: no header is recorded. */
  readonly header?: ((name: string) => string | string[] | undefined) | undefined;
}
