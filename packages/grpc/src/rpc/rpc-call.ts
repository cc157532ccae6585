/** One call, as a client makes it or a server receives it. Hooks and the functions among the options get it. */
export interface RpcCall {
  /** Package, service and method: `shop.Stock/Get`. */
  readonly method: string;
  /** Returns the metadata of a name in lower case: several values as an array, bytes as one character each. */
  readonly metadata: (name: string) => string | string[] | undefined;
  /** Host name, IP address or path of a socket: `stock.internal`, `/run/stock.sock`. Absent: not known. */
  readonly serverAddress?: string | undefined;
  readonly serverPort?: number | undefined;
}

/** How a call ended. */
export interface RpcOutcome {
  /**
   * The status that crossed the wire, or that the client made up for a call without one: `OK`, `NOT_FOUND` with gRPC,
   * `not_found` with Connect. Absent: a Connect call succeeded; that protocol has no word for it.
   */
  readonly statusCode: string | undefined;
  /** What the call failed with, where the library hands it out. */
  readonly error?: unknown;
}

/** The other end of the connection that a call used. */
export interface RpcPeer {
  readonly address: string;
  readonly port?: number | undefined;
}
