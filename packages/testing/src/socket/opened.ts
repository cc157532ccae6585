import type { RecordedSpan } from '../kit/recorded-span.ts';
import type { Seen, SocketWorld } from './socket-case.ts';
import type { BareHandshake, BarePeer, SocketSide, TracedPeer } from './sockets-under-test.ts';

/** An open socket, and what its handshake left behind. */
export interface Opened<Peer> {
  readonly peer: Peer;
  /** The server's side. */
  readonly side: SocketSide;
  /** What the listener for connections saw. */
  readonly connected: Seen;
  /** The SERVER span. */
  readonly server: RecordedSpan;
}

/** Opens a socket with the traced client, and takes the spans of its handshake. */
export async function opened(world: SocketWorld): Promise<Opened<TracedPeer>> {
  const made = await take(world, await world.sockets.connect());
  await world.clientHandshake();
  return made;
}

/** Opens a socket with a client without tracing. */
export async function openedBare(world: SocketWorld, handshake?: BareHandshake): Promise<Opened<BarePeer>> {
  return take(world, await world.sockets.connectBare(handshake));
}

async function take<Peer>(world: SocketWorld, peer: Peer): Promise<Opened<Peer>> {
  const connected = await world.seen('connected');
  const server = await world.handshake();
  return { peer, side: connected.side as SocketSide, connected, server };
}
