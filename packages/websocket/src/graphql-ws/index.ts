/**
 * The context of GraphQL operations over WebSocket, by the protocol of `graphql-ws`.
 *
 * @module
 */
import type { MessageCodec, MessageData, MessageFields, OpenedMessage } from '../messages/message-codec.ts';
import { asFields, namesTwoCallers } from '../messages/read-fields.ts';

export type { MessageCodec, MessageData, MessageFields, OpenedMessage } from '../messages/message-codec.ts';

/** A client's request to run an operation. */
interface Subscribe {
  readonly type?: unknown;
  readonly payload?: { readonly extensions?: unknown } | null;
}

/**
 * The codec for the sockets of graphql-ws: the context is in the `extensions` of an operation, beside the application's own.
 *
 * Only the message that starts an operation is traced, on both sides. Its CONSUMER span lasts as long as the operation, a
 * subscription until its last event, and its context is active in `onSubscribe`, `context`, resolvers and subscriptions.
 * `onSubscribe` and resolvers see the fields among the extensions.
 *
 * @see https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md#subscribe
 * @example
 * const Server = traceWebSocketServer(WebSocketServer, { messages: { codec: graphqlCodec } });
 * useServer({ schema }, new Server({ port: 4000 }));
 */
export const graphqlCodec: MessageCodec = {
  open<Data extends MessageData>(message: Data): OpenedMessage<Data> | undefined {
    const operation = operationIn(message);
    if (operation === undefined) return undefined;
    const extensions = asFields(operation.payload?.extensions);
    return { data: message, fields: namesTwoCallers(String(message)) ? undefined : extensions };
  },
  seal<Data extends MessageData>(data: Data, fields: MessageFields | undefined): Data {
    const operation = fields === undefined ? undefined : operationIn(data);
    if (operation === undefined) return data;
    const { payload } = operation;
    const extensions = { ...asFields(payload?.extensions), ...fields };
    return JSON.stringify({ ...operation, payload: { ...payload, extensions } }) as Data;
  },
};

function operationIn(message: MessageData): Subscribe | undefined {
  // Looks at the text first: most messages need no parsing.
  if (typeof message !== 'string' || !message.includes('"subscribe"')) return undefined;
  try {
    const { type, ...operation }: Subscribe = JSON.parse(message);
    return type === 'subscribe' ? { type, ...operation } : undefined;
  } catch {
    return undefined;
  }
}
