import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { reportOnce } from '@throughline/core/seam';
import type { ForwardedRequest, HttpServerRequest } from '@throughline/http-semantics';

export type NodeRequest = IncomingMessage | Http2ServerRequest;

/**
 * Returns what Node knows of a request. Never throws: a property that cannot be read counts as absent.
 *
 * @param target The request-target as received, if the framework has changed `req.url`.
 */
export function requestRecord(
  req: NodeRequest,
  target: string | undefined,
  forwarded: ForwardedRequest | undefined,
): HttpServerRequest {
  try {
    return read(req, target, forwarded);
  } catch (error) {
    reportOnce('a property of a request could not be read; the request is traced without it', error);
    return read(readable(req), target, forwarded);
  }
}

function read(
  req: NodeRequest,
  target: string | undefined,
  forwarded: ForwardedRequest | undefined,
): HttpServerRequest {
  const socket = req.socket as TLSSocket | undefined;
  const { originalUrl } = req as { originalUrl?: unknown };
  return {
    method: req.method ?? '',
    // Connect-style routers cut their prefix off `url` and keep the whole target in `originalUrl`.
    target: typeof originalUrl === 'string' ? originalUrl : (target ?? req.url ?? ''),
    scheme: socket?.encrypted ? 'https' : 'http',
    headers: req.headers ?? {},
    protocolVersion: req.httpVersionMajor === 2 ? '2' : req.httpVersion,
    peerAddress: unmapped(socket?.remoteAddress),
    peerPort: socket?.remotePort,
    peerAuthorized: socket?.authorized === true,
    forwarded,
  };
}

/** Returns the plain form of an IPv4 address, which a dual-stack socket shows as `::ffff:192.0.2.1`. */
function unmapped(address: string | undefined): string | undefined {
  return address?.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}

/** Returns a view of a request, or of its socket, in which properties that throw are absent. */
function readable<T extends object>(object: T): T {
  return new Proxy({} as T, {
    get(_, name) {
      try {
        const value: unknown = Reflect.get(object, name);
        return name === 'socket' && typeof value === 'object' && value !== null ? readable(value) : value;
      } catch {
        return undefined;
      }
    },
  });
}
