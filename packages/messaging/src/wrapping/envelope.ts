import type { MessageHeaders } from '../verbs/carrier-codec.ts';

/** The content of a message: text or bytes. */
export type Payload = string | Uint8Array;

/**
 * Metadata and payload in one text, for systems whose messages have no metadata.
 *
 * `{"$trace":{"traceparent":"00-…"},"data":"the payload"}`, with the payload in base64 under `data_base64` if it is
 * not UTF-8. An envelope always begins with `{"$trace":`, which distinguishes it from other messages.
 */
const PREFIX = '{"$trace":';

/**
 * Returns the payload in an envelope, or the payload itself if there are no fields and it does not look like an
 * envelope.
 */
export function seal<P extends Payload>(payload: P, fields: MessageHeaders | undefined): P | string {
  if (fields === undefined && !isSealed(payload)) return payload;
  const text = typeof payload === 'string' ? payload : textOf(payload);
  const content =
    text === undefined
      ? { data_base64: Buffer.from(payload as Uint8Array).toString('base64') }
      : { data: text };
  return JSON.stringify({ $trace: { ...fields }, ...content });
}

/**
 * Returns the content of an envelope, with the payload in the type of `payload`. Anything else is a payload without
 * metadata.
 */
export function open<P extends Payload>(
  payload: P,
): { readonly fields: MessageHeaders | undefined; readonly payload: P } {
  const plain = { fields: undefined, payload };
  if (!isSealed(payload)) return plain;
  try {
    const text = typeof payload === 'string' ? payload : Buffer.from(payload).toString();
    const { $trace: fields, data, data_base64: base64, ...others } = JSON.parse(text);
    const content = typeof base64 === 'string' ? Buffer.from(base64, 'base64') : data;
    const isText = typeof content === 'string' || Buffer.isBuffer(content);
    const isObject = typeof fields === 'object' && fields !== null;
    if (!isObject || !isText || Object.keys(others).length > 0) return plain;
    // The casts: text for text, bytes for bytes.
    if (typeof payload === 'string') return { fields, payload: String(content) as P };
    return { fields, payload: Buffer.from(content) as Uint8Array as P };
  } catch {
    return plain;
  }
}

function isSealed(payload: Payload): boolean {
  if (typeof payload === 'string') return payload.startsWith(PREFIX);
  return Buffer.from(payload.subarray(0, PREFIX.length)).toString('latin1') === PREFIX;
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
