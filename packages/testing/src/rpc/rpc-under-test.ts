/** The four kinds of call. */
export type RpcKind = 'unary' | 'clientStream' | 'serverStream' | 'bidi';

/** The kinds in the order of their names in reports. */
export const RPC_KINDS: readonly RpcKind[] = ['unary', 'clientStream', 'serverStream', 'bidi'];

/** Returns the ability without which there are no calls of a kind. */
export const needsOf = (kind: RpcKind): readonly 'bidi'[] => (kind === 'bidi' ? ['bidi'] : []);

/** A call that a case makes. */
export interface RpcToMake {
  readonly kind: RpcKind;
  readonly messages: readonly string[];
  /** A list sends a name several times. */
  readonly metadata?: Readonly<Record<string, string | readonly string[]>>;
  /** The deadline of the client, in milliseconds from now, which it sends along. */
  readonly timeoutMs?: number;
  /** Sends this deadline to the server without keeping it; needed with `serverDeadline`. */
  readonly serverTimeoutMs?: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  /** Call it in every callback and listener in which the client returns to the application. */
  readonly see?: (event: string) => void;
  /** Call it with the objects that are about to go to the client; it must not change them. */
  readonly passed?: (objects: unknown) => void;
}

/** What a caller got. */
export interface RpcAnswer {
  readonly messages: readonly string[];
  /** Name of the status in gRPC's words, with every library: `OK`, `NOT_FOUND`. */
  readonly status: string;
}

/** A call as a handler gets it. */
export interface RpcToHandle {
  readonly kind: RpcKind;
  readonly messages: AsyncIterable<string>;
  /** Returns all values of a name that arrived. */
  metadata(name: string): readonly string[];
  /** Has the listeners of the library call `see`, each with its event; needed with `listeners`. */
  listen?(see: (event: string) => void): void;
}

/**
 * Answers a call: it yields the messages of the response, one for `unary` and `clientStream`. An {@link RpcFailure} that it
 * throws becomes its status, and any other error what the library makes of an error that is none of its own.
 */
export type RpcHandler = (call: RpcToHandle) => AsyncIterable<string>;

/** What a handler throws to answer with a status. */
export class RpcFailure extends Error {
  readonly status: string;

  /** @param status In gRPC's words: `NOT_FOUND`. */
  constructor(status: string) {
    super(`answered with ${status}`);
    this.status = status;
  }
}

/** A client and a server that a spec file made for one case, on a port of their own. */
export interface RpcUnderTest {
  /** Makes a call; resolves with its end, however it ended. */
  call(call: RpcToMake): Promise<RpcAnswer>;
  /** Breaks the connections of the server without an answer; needed with `kill`. */
  kill?(): unknown;
  close?(): unknown;
}
