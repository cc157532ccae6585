import type { TrustPolicy } from '@throughline/core';
import type { HttpClientOptions } from '@throughline/http-semantics';
import type { MessagingOperation } from '@throughline/messaging';
import type { MessageOptions } from './message-tracer.ts';

/**
 * Options of every client of sockets: those of an HTTP client, for the handshake, and these.
 *
 * `propagateTo`, `baggageTo` and `baggageEntries` decide by the server's origin (`https` for `wss`) for the handshake and all
 * messages.
 */
export interface SocketClientOptions<Messages extends MessageOptions> extends HttpClientOptions {
  /** How far the context of the server's messages is trusted. Default: `continue`. */
  readonly trust?: TrustPolicy<MessagingOperation> | undefined;
  /** How messages are traced. Default: spans are made, and no context is carried. */
  readonly messages?: Messages | undefined;
}
