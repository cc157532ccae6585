/** A message that a case sends or plants. */
export interface MessageToSend {
  readonly body: string;
  /** In the client's own form where that takes lists; each value is text. */
  readonly metadata?: Readonly<Record<string, string | readonly string[]>>;
  /** When it was sent, in milliseconds since 1970; for planted messages only. */
  readonly timestamp?: number;
}

/** A message as it was on the wire. */
export interface MessageOnWire {
  readonly body: string;
  /** All values of each name, names as they were sent. */
  readonly metadata: Readonly<Record<string, readonly string[]>>;
}

/** A message as a handler gets it. */
export interface MessageToHandle {
  readonly body: string;
  /** Settles it through the client under test. */
  settle?(): unknown;
}

/** What the client got back from the function that it calls for a message. */
export type HandlerOutcome = { readonly value: unknown } | { readonly error: unknown };

/** A wrapped client, as the application holds it. */
export interface WrappedClient {
  readonly client: object;
  /** Name of the method that `send` calls: `sendToQueue`. */
  readonly method: string;
  /**
   * The ways in which the client hands itself or another client back, by name; needed with `handsBack`:
   * `{ 'connect()': () => client.connect() }`.
   */
  readonly handsBack?: Readonly<Record<string, () => unknown>>;
}

/** A client that a spec file made for one case, with a destination of its own. */
export interface MessagingClientUnderTest {
  /**
   * Sends one message and resolves when the client says that it was sent; rejects with what the client threw.
   *
   * `passed` is called with the objects that go to the client, just before they go: they must come out unchanged.
   */
  send(message: MessageToSend, passed?: (objects: unknown) => void): Promise<unknown>;
  /** Sends several messages in one call of the client. */
  sendBatch?(messages: readonly MessageToSend[]): Promise<unknown>;
  /**
   * Starts to consume one by one; the handler is called by the client from then on. Resolves when it is set up.
   *
   * `outcome` receives what the client gets back for each message, a promise already awaited.
   */
  consume(
    handler: (message: MessageToHandle) => unknown,
    outcome?: (outcome: HandlerOutcome) => void,
  ): Promise<unknown>;
  /**
   * Starts to consume in batches. `process` is how an application has one message of the batch traced, with the
   * client's own means; it returns what `handler` returns.
   */
  consumeBatch?(
    handler: (
      messages: readonly MessageToHandle[],
      process: (message: MessageToHandle, handler: () => unknown) => unknown,
    ) => unknown,
  ): Promise<unknown>;
  /** Puts messages into the destination by other means than the client under test; together where it has batches. */
  plant(messages: readonly MessageToSend[]): Promise<unknown>;
  /** Takes the next message that the client sent, by other means than the client under test. */
  take(): Promise<MessageOnWire>;
  /** Makes the next send of the client underneath fail with this error. */
  failNextSend?(error: Error): void;
  /** The client that `send` calls; needed with `wrapped`. */
  readonly wrapped?: WrappedClient;
  /** Frees its connections. */
  close?(): unknown;
}
