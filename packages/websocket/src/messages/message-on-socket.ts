import { guarded } from '@throughline/core/seam';
import type { MessageCodec, MessageData, MessageFields, OpenedMessage } from './message-codec.ts';

/**
 * Returns what a codec finds in a message; `undefined` for a frame that is no message. A codec that throws finds a message
 * without a context.
 */
export function openWith<Data extends MessageData>(
  codec: MessageCodec | undefined,
  data: Data,
): OpenedMessage<Data> | undefined {
  if (codec === undefined) return { data };
  return guarded('a codec threw in open()', () => codec.open(data), { data });
}

/** Returns the message to send: `given` itself if the codec adds nothing to it, or throws. */
export function sealWith<Data extends MessageData>(
  codec: MessageCodec | undefined,
  given: Data,
  opened: OpenedMessage<Data>,
  fields: MessageFields | undefined,
): Data {
  if (codec === undefined) return given;
  // The application, or the sender of a message that is forwarded, has put a context into it.
  if (opened.fields !== undefined && fields === opened.fields) return given;
  return guarded('a codec threw in seal()', () => codec.seal(opened.data, fields), given);
}
