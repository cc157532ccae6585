import { guarded } from '@throughline/core/seam';
import type { HttpServerRequest } from '@throughline/http-semantics';
import { peerOf } from './peer.ts';

/** Returns what the runtime shows of a request. Never throws: what cannot be read counts as absent. */
export function requestRecord(request: Request, environment: unknown): HttpServerRequest {
  const nothing: HttpServerRequest = { method: '', target: '', scheme: 'http', headers: {} };
  return guarded('a request could not be read', () => read(request, environment), nothing);
}

function read(request: Request, environment: unknown): HttpServerRequest {
  const { method, url } = request;
  const authorityAt = url.indexOf('://') + 3;
  const pathAt = url.indexOf('/', authorityAt);
  const headers: Record<string, string> = Object.fromEntries(request.headers);
  // HTTP/2 has no such header; runtimes put the authority into the URL.
  headers.host ??= url.slice(authorityAt, pathAt);
  const peer = guarded('the address of a client could not be read', () => peerOf(request, environment));
  return {
    method,
    target: url.slice(pathAt),
    scheme: url.startsWith('https:') ? 'https' : 'http',
    headers,
    peerAddress: peer?.address,
    peerPort: peer?.port,
  };
}
