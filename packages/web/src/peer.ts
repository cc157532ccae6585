/** The other end of the connection that a request came over. */
export interface Peer {
  readonly address: string;
  readonly port: number | undefined;
}

/** What a runtime passes to a handler beside the request, where it shows the client. */
interface Environment {
  /** Bun: the server. */
  requestIP?(request: Request): Peer | null;
  /** Deno: a part of `info`. */
  readonly remoteAddr?: { readonly hostname?: string; readonly port?: number };
}

/** Returns the client's end of the connection, or `undefined` where the runtime does not show it. */
export function peerOf(request: Request, environment: unknown): Peer | undefined {
  if (typeof environment !== 'object' || environment === null) return undefined;
  const runtime = environment as Environment;
  if (typeof runtime.requestIP === 'function') return runtime.requestIP(request) ?? undefined;
  const { hostname, port } = runtime.remoteAddr ?? {};
  return hostname === undefined ? undefined : { address: hostname, port };
}
