import type { MessageData } from '../messages/message-codec.ts';

/** Returns a received message as text or bytes, whichever the sender sent; `undefined` for a `Blob`. */
export function receivedContent(data: unknown, isBinary: boolean): MessageData | undefined {
  if (Buffer.isBuffer(data)) return isBinary ? data : data.toString();
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return Array.isArray(data) ? Buffer.concat(data) : undefined;
}

/** Returns content in the form in which ws delivered `received`. */
export function likeReceived(received: unknown, content: MessageData): unknown {
  if (typeof content === 'string') return Buffer.from(content);
  if (received instanceof ArrayBuffer) return new Uint8Array(content).buffer;
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  return Array.isArray(received) ? [bytes] : bytes;
}
