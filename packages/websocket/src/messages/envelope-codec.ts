import type { MessageCodec, MessageData, MessageFields, OpenedMessage } from './message-codec.ts';
import { readFields } from './read-fields.ts';

/** The control character "start of heading", and a name. */
const MAGIC = '\u0001trace';
const MAGIC_BYTES = new TextEncoder().encode(MAGIC);
const LINE_FEED = 0x0a;

/**
 * The codec for any text or bytes: the context is a line before the content.
 *
 * The line is the byte 0x01, `trace`, a JSON object with the fields, and a line feed. A receiver without this package drops
 * everything up to the first line feed of a message that begins with 0x01 and `trace`. Messages without a context have no
 * such line.
 *
 * @example
 * const sealed = envelopeCodec.seal('hello', { traceparent });
 */
export const envelopeCodec: MessageCodec = {
  open<Data extends MessageData>(message: Data): OpenedMessage<Data> {
    const isText = typeof message === 'string';
    if (!isSealed(message)) return { data: message };
    const end = isText ? message.indexOf('\n') : message.indexOf(LINE_FEED);
    if (end === -1) return { data: message };
    const head = isText
      ? message.slice(MAGIC.length, end)
      : new TextDecoder().decode(message.subarray(MAGIC_BYTES.length, end));
    // The cast: text for text, bytes for bytes.
    const data = (isText ? message.slice(end + 1) : message.subarray(end + 1)) as Data;
    return { data, fields: readFields(head) };
  },
  seal<Data extends MessageData>(data: Data, fields: MessageFields | undefined): Data {
    // Without fields, content that begins like a line of ours must still arrive as it is.
    if (fields === undefined && !isSealed(data)) return data;
    const line = `${MAGIC}${JSON.stringify(fields ?? {})}\n`;
    return (typeof data === 'string' ? line + data : joined(new TextEncoder().encode(line), data)) as Data;
  },
};

function isSealed(data: MessageData): boolean {
  if (typeof data === 'string') return data.startsWith(MAGIC);
  return MAGIC_BYTES.every((byte, at) => data[at] === byte);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
