import { activeContext, runInContext } from '@throughline/core';
import type { Message } from '../verbs/message.ts';
import type { ProducerVerbs, Sending } from '../verbs/sending.ts';

/**
 * Sends a message through a client that reports the result to a callback, and returns what `send` returns.
 *
 * The span ends when the callback is called; its first argument is the error, if any. The application's own callback then
 * runs in the caller's context.
 *
 * @param callback The application's own, if it gave one.
 * @param send Sends the message with the given metadata and callback.
 * @param answered Called with the callback's arguments before the span ends, for what only the answer reports.
 */
export function sendWithCallback<C, R>(
  tracer: ProducerVerbs<C>,
  message: Message<C>,
  callback: unknown,
  send: (carrier: C | undefined, callback: (...results: unknown[]) => unknown) => R,
  answered?: (sending: Sending<C>, ...results: unknown[]) => void,
): R {
  const caller = activeContext();
  const sending = tracer.startSend(message);
  const onResult = (...results: unknown[]) => {
    answered?.(sending, ...results);
    sending.end(results[0]);
    return typeof callback === 'function' ? runInContext(caller, () => callback(...results)) : undefined;
  };
  return sending.run(() => send(sending.carrier, onResult));
}
