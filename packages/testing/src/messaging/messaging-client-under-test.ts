/** A message that a case sends or plants. */
export interface MessageToSend {
  readonly body: string;
  /** Values are texts; lists only where the client's metadata can hold several values of a name. */
  readonly metadata?: Readonly<Record<string, string | readonly string[]>>;
  /** When it was sent, in milliseconds since 1970; for planted messages only. */
  readonly timestamp?: number;
}

/** A message as it was on the wire. */
export interface MessageOnWire {
  readonly body: string;
  /** All values of each name; names in the letter case in which they were sent. */
  readonly metadata: Readonly<Record<string, readonly string[]>>;
}

/** A message as a handler gets it. */
export interface MessageToHandle {
  readonly body: string;
  /** Settles it through the client under test. */
  settle?(): unknown;
}

/** What the function that the client calls for a message returned or threw. */
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

/** A client that a spec file made for one case, with its own destination. */
export interface MessagingClientUnderTest {
  /**
   * Sends one message and resolves when the client reports it as sent; rejects with what the client threw.
   *
   * Call `passed` with the objects that are about to go to the client; it must not change them.
   */
  send(message: MessageToSend, passed?: (objects: unknown) => void): Promise<unknown>;
  /** Sends several messages in one call of the client. */
  sendBatch?(messages: readonly MessageToSend[]): Promise<unknown>;
  /**
   * Has the client call the handler for each message from now on. Resolves when that is set up.
   *
   * Call `outcome` with what the handler returned to the client for each message; await a promise first.
   */
  consume(
    handler: (message: MessageToHandle) => unknown,
    outcome?: (outcome: HandlerOutcome) => void,
  ): Promise<unknown>;
  /**
   * Has the client call the handler for each batch from now on. `process` traces one message of the batch as an
   * application would with this client, and returns what `handler` returns.
   */
  consumeBatch?(
    handler: (
      messages: readonly MessageToHandle[],
      process: (message: MessageToHandle, handler: () => unknown) => unknown,
    ) => unknown,
  ): Promise<unknown>;
  /** Puts messages into the destination without the client under test, as one batch where there are batches. */
  plant(messages: readonly MessageToSend[]): Promise<unknown>;
  /** Takes the next message that the client sent, without the client under test. */
  take(): Promise<MessageOnWire>;
  /** Makes the next send of the original client fail with this error. */
  failNextSend?(error: Error): void;
  /** The client that `send` calls; needed with `wrapped`. */
  readonly wrapped?: WrappedClient;
  /** Closes its connections. */
  close?(): unknown;
}
