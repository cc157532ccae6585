import type { MessageData } from './message-codec.ts';

/** Returns what `send` was given, as text or bytes; `undefined` for other forms, such as a `Blob`. */
export function contentToSend(data: unknown): MessageData | undefined {
  if (typeof data === 'string' || data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : undefined;
}
