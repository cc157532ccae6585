import type { MessageCodec, MessageData, MessageFields, OpenedMessage } from './message-codec.ts';
import { asFields, readFields } from './read-fields.ts';

const MEMBER = '"$trace":';
const PREFIX = `{${MEMBER}{`;
/** In characters. In a longer message, the member is found at the front only, so that no stranger makes us parse much. */
const MAX_SEARCHED = 65_536;

/**
 * The codec for messages that are JSON objects: the context is the member `$trace`.
 *
 * `{"$trace":{"traceparent":"00-…"},"type":"order"}`. It is written at the front, and removed from there on arrival, so that
 * the application gets its own text byte for byte. A peer may put the member anywhere: it is read, and stays where it is.
 * Bytes, and texts that do not begin with `{`, are sent as they are.
 *
 * @example
 * const sealed = jsonCodec.seal('{"type":"order"}', { traceparent });
 */
export const jsonCodec: MessageCodec = {
  open<Data extends MessageData>(message: Data): OpenedMessage<Data> {
    if (typeof message !== 'string') return { data: message };
    if (!message.startsWith(PREFIX)) return { data: message, fields: fieldsWithin(message) };
    const end = endOfObject(message, PREFIX.length);
    if (end === undefined) return { data: message };
    const fields = readFields(message.slice(PREFIX.length - 1, end));
    const rest = message.slice(message[end] === ',' ? end + 1 : end);
    // The cast: text for text.
    return { data: `{${rest}` as Data, fields };
  },
  seal<Data extends MessageData>(data: Data, fields: MessageFields | undefined): Data {
    if (typeof data !== 'string' || !data.startsWith('{')) return data;
    // Without fields, a text that looks like a message with a context must still arrive as it is.
    if (fields === undefined && !data.startsWith(PREFIX)) return data;
    const rest = data.slice(1);
    const comma = rest.trimStart().startsWith('}') ? '' : ',';
    return `{${MEMBER}${JSON.stringify(fields ?? {})}${comma}${rest}` as Data;
  },
};

/** Returns where the object that has begun before `from` is over; `undefined` if it is not. */
function endOfObject(text: string, from: number): number | undefined {
  let depth = 1;
  let inString = false;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (inString) {
      if (char === '\\') at++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '{') depth++;
    else if (char === '}' && --depth === 0) return at + 1;
  }
  return undefined;
}

function fieldsWithin(message: string): MessageFields | undefined {
  if (message.length > MAX_SEARCHED || !message.startsWith('{') || !message.includes('"$trace"'))
    return undefined;
  try {
    const { $trace: fields } = JSON.parse(message);
    return fields === undefined ? undefined : readFields(JSON.stringify(asFields(fields) ?? {}));
  } catch {
    return undefined;
  }
}
