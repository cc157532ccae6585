/** Propagation fields of a message by name. What a peer sends may hold any values. */
export type MessageFields = { readonly [name: string]: unknown };

/** The content of a message: text, or bytes. */
export type MessageData = string | Uint8Array;

/** A message without its context. */
export interface OpenedMessage<Data extends MessageData> {
  /** The content as the application sent it. */
  readonly data: Data;
  /** Absent: the message carries no context. */
  readonly fields?: MessageFields | undefined;
}

/** Puts a context into messages and takes it out again. */
export interface MessageCodec {
  /**
   * Returns what a message holds; `undefined` for a frame of the protocol that is no message of the application, which gets
   * no span. Never throws: what cannot be read is content.
   */
  open<Data extends MessageData>(message: Data): OpenedMessage<Data> | undefined;
  /** Returns the message to send. `fields` are absent if there is no context to send. */
  seal<Data extends MessageData>(data: Data, fields: MessageFields | undefined): Data;
}
