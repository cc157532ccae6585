/**
 * How messages of sockets carry a context: codecs, and the URL of a handshake. Runs in browsers as it is.
 *
 * The modules for the libraries are `@throughline/websocket/ws`, `/native`, `/socket.io`, `/socket.io-client` and `/graphql-ws`.
 *
 * @module
 */
export { urlWithContext } from './connection/query-context.ts';
export { envelopeCodec } from './messages/envelope-codec.ts';
export { jsonCodec } from './messages/json-codec.ts';
export type {
  MessageCodec,
  MessageData,
  MessageFields,
  OpenedMessage,
} from './messages/message-codec.ts';
