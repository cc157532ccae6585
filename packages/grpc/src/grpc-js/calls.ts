/** The parts of `@grpc/grpc-js` that the interceptors touch, by shape. */

/** A `Metadata`. */
export interface MetadataLike {
  get(name: string): readonly unknown[];
  clone(): MetadataLike;
}

/** The definition of a method. */
export interface MethodLike {
  /** `/shop.Stock/Get` */
  readonly path: string;
}

/** A status as listeners receive it and handlers send it. */
export interface StatusLike {
  readonly code?: number | null | undefined;
}

/** What happens to a call that a server has received. */
export interface ServerListenerLike {
  onReceiveMetadata(metadata: MetadataLike): void;
  onReceiveMessage(message: unknown): void;
  onReceiveHalfClose(): void;
  /** Called at the end of every call, also of one that succeeded. */
  onCancel(): void;
}

/** A call that a server has received. */
export interface ServerCallLike {
  start(listener: ServerListenerLike): void;
  sendStatus(status: StatusLike): void;
  getDeadline(): Date | number;
  getHost(): string;
  getConnectionInfo?(): {
    readonly remoteAddress?: string | undefined;
    readonly remotePort?: number | undefined;
  };
}

/** What happens to a call that a client has made. */
export interface ClientListenerLike {
  onReceiveMetadata(metadata: MetadataLike): void;
  onReceiveMessage(message: unknown): void;
  onReceiveStatus(status: StatusLike): void;
}

/** What accompanies a message on its way out. */
export interface MessageContextLike {
  readonly callback?: (error?: Error | null) => void;
}

/** A call that a client makes. */
export interface ClientCallLike {
  start(metadata: MetadataLike, listener?: Partial<ClientListenerLike>): void;
  sendMessageWithContext(context: MessageContextLike, message: unknown): void;
  getPeer(): string;
}
