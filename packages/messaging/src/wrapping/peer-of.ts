import type { Attributes } from '@opentelemetry/api';

/** A socket, which knows the other end of its connection. Other streams do not. */
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
