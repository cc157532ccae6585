/**
 * Traced sockets of `ws`, on both sides.
 *
 * @module
 */

export type { SocketClientOptions } from '../connection/client-options.ts';
export type { MessageOptions } from '../connection/message-tracer.ts';
export type { PeerChoice, SocketServerOptions } from '../connection/server-options.ts';
export type { CodedMessageOptions } from '../messages/codec-option.ts';
export { traceWebSocket } from './trace-web-socket.ts';
export { traceWebSocketServer } from './trace-web-socket-server.ts';
