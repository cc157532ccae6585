/** A context in the form of fields, as a peer without tracing sends it. Values may be anything. */
export type PeerFields = Readonly<Record<string, unknown>>;

/** What the kit does at the ends of a socket. The spec file calls these from its own listeners. */
export interface SocketListeners {
  /** Called by the server's listener for connections, with the server's side of the socket. */
  connected(side: SocketSide): void;
  /** Called by the server's listener for messages. Return to the library what this returns. */
  served(body: string, side: SocketSide): unknown;
  /** Called by the server's listener for the end of a socket. */
  closed(): void;
  /** Called by the traced client's listener for messages. */
  answered(body: string): unknown;
}

/** One end of an open socket, as the application holds it. */
export interface SocketSide {
  /** Sends a message; `body` is a JSON object as text. */
  send(body: string): unknown;
}

/** A client that is traced. */
export interface TracedPeer extends SocketSide {
  /** Closes the socket, and resolves when it is closed on this side. */
  close(): Promise<unknown>;
}

/** A client without any tracing. */
export interface BarePeer {
  /** Sends a message with fields in the form in which the traced side reads them, or as it is. */
  send(body: string, fields?: PeerFields): unknown;
  /** Sends a message whose context is this JSON text, in place of the fields. */
  sendRaw(body: string, fields: string): unknown;
  /** Returns the next message that it received: exactly as it was on the wire, and what a reader of its form finds. */
  received(): Promise<{
    readonly raw: string;
    readonly body: string;
    readonly fields: PeerFields | undefined;
  }>;
  close(): Promise<unknown>;
}

/** How a client without tracing opens a socket. */
export interface BareHandshake {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly query?: Readonly<Record<string, string>>;
  /** Have the server refuse it. */
  readonly refused?: boolean;
}

/** A server and a client that a spec file made for one case. */
export interface SocketsUnderTest {
  /** Opens a socket with the traced client. */
  connect(): Promise<TracedPeer>;
  /** Opens a socket with a client without tracing; rejects when it is refused. */
  connectBare(handshake?: BareHandshake): Promise<BarePeer>;
  /** Closes everything. */
  close?(): unknown;
}
