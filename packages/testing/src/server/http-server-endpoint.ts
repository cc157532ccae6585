import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Readable } from 'node:stream';

/** What a mounted endpoint is called with. */
export interface EndpointCall {
  readonly req: IncomingMessage | Http2ServerRequest;
  readonly res: ServerResponse | Http2ServerResponse;
  /** Route parameters as the framework decoded them. */
  readonly params: Readonly<Record<string, string | undefined>>;
  /** Body as the framework parsed it; only `echo` reads it. */
  readonly body?: unknown;
}

/** The response that a `reply` endpoint returns. */
export interface EndpointReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Absent: an empty body. Send a stream as the framework sends streams. */
  readonly body?: string | Readable;
}

/**
 * One route of the application that the kit tests, described without a framework.
 *
 * A spec file mounts it with the framework's own router: one router per entry of `mounts`, each inside the
 * one before it, and the route in the innermost.
 */
export interface HttpServerEndpoint {
  /** Upper case: `GET`, `POST`; `ALL`: any method. */
  readonly method: 'GET' | 'POST' | 'ALL';
  /** Prefixes of the routers around it, outermost first: `['/api', '/v1']`. */
  readonly mounts: readonly string[];
  /** Template below the mounts; parameters as `:name`; `/files/*` stands for the framework's own wildcard syntax. */
  readonly path: string;
  /**
   * How the response is made. `reply`: send what `handle` returns, and let what it throws or rejects with reach the
   * framework. `raw`: `handle` answers on `res` itself; keep the framework from answering (`reply.hijack()`,
   * `ctx.respond = false`). `raw` endpoints read the request body unparsed.
   */
  readonly style: 'reply' | 'raw';
  handle(call: EndpointCall): EndpointReply | undefined | Promise<EndpointReply | undefined>;
}
