import type { Server } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import type { HttpOptionCapability, HttpTraceOptions } from '../kit/http-trace-options.ts';
import type { KitOptions } from '../kit/kit-options.ts';
import type { HttpServerEndpoint } from './http-server-endpoint.ts';

/** The abilities that a server adapter or its framework may lack. */
export type HttpServerCapability =
  /** The framework has a router, and the adapter reports its template as `http.route`. */
  | 'routes'
  /** The framework catches what a handler throws and answers 500 itself. */
  | 'errors'
  /** The adapter sees the error that a handler threw, and records it on the span. */
  | 'exceptions'
  /** The framework reads a body stream in the context of the handler that made it. */
  | 'streamContext'
  /** The framework can answer with a stream, and destroys the response when the stream fails. */
  | 'streamErrors'
  /** Distinguishes a request body that the client cut from one that ended, so that no handler answers it. */
  | 'cutBody'
  /** The server cuts a connection after `server.setTimeout()`, and the adapter sees the time-out. */
  | 'serverTimeout'
  /** The server speaks HTTP/1.1, so that pipelining, `Expect` and malformed bytes can be tried. */
  | 'http1'
  /** The endpoints get Node's request and response, of a server of Node that the kit can reach. */
  | 'nodeServer'
  /** The framework answers a thrown value that is no Error with 500, too, and the adapter sees it. */
  | 'thrownValues'
  /** The server answers requests that wait on one connection. */
  | 'pipelining'
  /** A request for the server as a whole, `OPTIONS *`, reaches the adapter. */
  | 'asterisk'
  /** `server.emit('request')` reaches the adapter, so that another tracer's span can be put around it. */
  | 'outerSpan'
  /** Any method reaches a route registered for all methods, `PROPFIND` included. */
  | 'anyMethod'
  | 'meterProvider'
  | 'activeRequests'
  | 'trustProxy'
  | 'knownMethods'
  /** Context reaches outgoing calls with no SDK registered. */
  | 'noSdk'
  | HttpOptionCapability;

/** Options of the adapter as the kit sets them; an adapter with other names maps them in its spec file. */
export interface HttpServerTraceOptions extends HttpTraceOptions<{ readonly target: string }> {
  readonly spanName?: (request: { readonly method: string }, route: string | undefined) => string;
  readonly trustProxy?: boolean;
  readonly activeRequests?: boolean;
}

/** A request, by its headers. */
export interface ArrivedRequest {
  readonly headers: { readonly [name: string]: string | string[] | undefined };
}

/** What a spec file serves for one case. */
export interface HttpServerSetup {
  /** Mount each of them with the framework's router. */
  readonly endpoints: readonly HttpServerEndpoint[];
  /** Pass these to the adapter. */
  readonly traceOptions: HttpServerTraceOptions;
  /** How often to mount the adapter, ahead of the endpoints: 1, 2, or 0 for the application without it. */
  readonly mounts: number;
  /** The adapter's client, or the platform's own, for the endpoint that calls another service. */
  readonly fetch: typeof fetch | undefined;
  /** A server that is not Node's calls it with each request, before the adapter. */
  noteArrival(request: ArrivedRequest): void;
  /** Call it with each error that passes the adapter, where the framework would handle it. */
  noteError(error: unknown): void;
}

/** A server that a spec file made; the kit listens on a free port if it does not listen yet, and closes it. */
export interface ServedHttp {
  readonly server: Server | Http2Server | Http2SecureServer;
  /** Releases what closing the server does not. */
  close?(): unknown;
}

/** A server that is not Node's and listens on 127.0.0.1 already. The adapter lacks `nodeServer`. */
export interface ServedElsewhere {
  readonly port: number;
  /** Closes the server and every connection. */
  close(): unknown;
}

/** The `error.type` of a response that was cut, by cause. */
export interface CutErrorTypes {
  readonly clientDisconnected: string;
  readonly timeout: string;
  readonly destroyed: string;
}

/** What the kit needs to know about one adapter on one framework version. */
export interface HttpServerConformanceOptions extends KitOptions<HttpServerCapability> {
  /** Returns the application for one case. Called once per case; what it throws fails the case. */
  serve(setup: HttpServerSetup): ServedHttp | ServedElsewhere | Promise<ServedHttp | ServedElsewhere>;
  /** The adapter's client; without it, cases that call another service are skipped. */
  readonly fetch?: typeof fetch;
  /** @default "http" */
  readonly scheme?: 'http' | 'https';
  /** @default "1.1" */
  readonly httpVersion?: '1.1' | '2';
  /** Whether the adapter sees the version of HTTP that a request came over. @default true */
  readonly versionSeen?: boolean;
  /**
   * Returns the `http.route` expected of an endpoint, where it is not the mounts and the path joined.
   *
   * Frameworks spell wildcards differently; the rest should need no entry.
   */
  routeOf?(endpoint: HttpServerEndpoint): string | undefined;
  /** @default client_disconnected, timeout, response_destroyed */
  readonly errorTypes?: CutErrorTypes;
}
