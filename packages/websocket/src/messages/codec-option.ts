import type { Scope } from '@throughline/core/seam';
import type { MessageOptions } from '../connection/message-tracer.ts';
import type { MessageCodec } from './message-codec.ts';

/** How the messages of a WebSocket are traced. */
export interface CodedMessageOptions extends MessageOptions {
  /**
   * Puts contexts into messages and reads them: `jsonCodec`, `envelopeCodec`, `graphqlCodec`, or one of your own. Both peers
   * need the same. Default: none, and messages are sent and delivered as they are.
   */
  readonly codec?: MessageCodec | undefined;
}

/**
 * Returns the codec, and the other options.
 *
 * @throws TypeError when the codec is none.
 */
export function splitCodec(
  messages: CodedMessageOptions | undefined,
  scope: Scope,
): { readonly codec: MessageCodec | undefined; readonly others: MessageOptions } {
  if (messages !== undefined && (typeof messages !== 'object' || messages === null))
    throw scope.error(`options.messages must be an object, got ${typeof messages}`);
  const { codec, ...others } = messages ?? {};
  if (codec !== undefined && (typeof codec?.open !== 'function' || typeof codec.seal !== 'function'))
    throw scope.error('options.messages.codec must be an object with open() and seal()');
  return { codec, others };
}
