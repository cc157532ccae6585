/** Host and port of a server. */
export interface Authority {
  readonly serverAddress: string;
  readonly serverPort?: number | undefined;
}

/** Scheme and authority of a URI: `dns://8.8.8.8/`, `ipv4:`. */
const SCHEME = /^(?:(?:dns|ipv4|ipv6|xds|https?):)?(?:\/\/[^/]*\/(?=.))?/;
const HOST_AND_PORT = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/;

/**
 * Returns the server that a channel's target names: `stock.internal` and 50051 for `dns:///stock.internal:50051`. A
 * target of several addresses or of another form is the address as a whole.
 *
 * @see https://grpc.github.io/grpc/core/md_doc_naming.html
 */
export function serverOf(target: string): Authority {
  if (target.startsWith('unix:')) return { serverAddress: target.slice(5).replace(/^\/\/(?=\/)/, '') };
  return authorityOf(target.replace(SCHEME, '')) ?? { serverAddress: target };
}

/** Returns host and port of `host:port`, `[::1]:port`, `::1` or `host`; `undefined` for anything else. */
export function authorityOf(text: string): Authority | undefined {
  const [, bracketed, plain, port] = HOST_AND_PORT.exec(text) ?? [];
  const serverAddress = bracketed ?? plain ?? (/^[\da-f]*:[\da-f:.]+$/i.test(text) ? text : undefined);
  if (serverAddress === undefined) return undefined;
  return port === undefined ? { serverAddress } : { serverAddress, serverPort: Number(port) };
}
