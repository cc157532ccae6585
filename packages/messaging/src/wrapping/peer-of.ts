import type { Attributes } from '@opentelemetry/api';

/** The end of a connection that a socket knows; a stream that is no socket knows none. */
export interface SocketLike {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** Returns the attributes of the other end of a connection, while it is open. */
export function peerOf(socket: SocketLike | null | undefined): Attributes {
  return {
    'network.peer.address': socket?.remoteAddress,
    'network.peer.port': socket?.remotePort,
  };
}
