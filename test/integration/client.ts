/** One messaging client with its module of `@throughline/messaging`, driven by a producer and a consumer process. */
export interface ClientUnderTest {
  /** Module and export in `services/`: the broker it talks to. */
  readonly service: string;
  /** Why the client itself is not on this machine, in words that follow "skipped:". Default: it is. */
  missing?(): string | undefined;
  /** Whether the broker delivers a message again whose handler threw. */
  readonly redelivers: boolean;
  /** Whether the client has a call that sends several messages: {@link Connection.sendBatch}. */
  readonly batches: boolean;
  /** Whether messages that nobody has consumed outlive a restart of the broker. */
  readonly durable: boolean;
  /** Metadata that the system cannot carry, by the name of the case; said in the report. Default: it carries all. */
  readonly cannotCarry?: Readonly<Partial<Record<PlantedCase, string>>>;
  /** Why consumer spans are linked to the message instead of being its children. Default: they are its children. */
  readonly linksOnly?: string;
  /** The spans that do not name their broker, because the client does not show it to what traces it. Default: none. */
  readonly brokerUnknown?: Readonly<Partial<Record<'send' | 'process', false>>>;
  /** Connects to the broker; both processes do, the one to send and the other to consume. */
  connect(url: string): Promise<Connection>;
}

/** Metadata that arrives instead of ours. */
export type PlantedCase = 'malformed' | 'foreign' | 'oversized';

/** What either process does with the client. */
export interface Connection {
  /** Sends one message through the traced client; resolves when the broker has it. */
  send(destination: string, body: string): Promise<void>;
  /** The same through the bare client with exactly these metadata. */
  sendBare(destination: string, body: string, metadata: Record<string, string>): Promise<void>;
  /** Several in one call, where the client can. */
  sendBatch?(destination: string, bodies: readonly string[]): Promise<void>;
  /**
   * Creates the destination if needed and consumes it through the traced client; resolves when subscribed. A handler
   * that throws wants the message again, where the system can do that.
   */
  consume(destination: string, handler: (body: string) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}
