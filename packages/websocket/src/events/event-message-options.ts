import type { Scope } from '@throughline/core/seam';
import type { MessageOptions } from '../connection/message-tracer.ts';

/** How the events of a Socket.IO socket are traced as messages. */
export interface EventMessageOptions extends MessageOptions {
  /**
   * Whether events carry a context, as their last argument before the acknowledgement. A peer without this package gets one
   * argument more. Default: `false`, and events are sent and delivered as they are.
   */
  readonly carry?: boolean | undefined;
}

/**
 * Returns whether events carry a context, and the other options.
 *
 * @throws TypeError when an option has the wrong type.
 */
export function splitCarry(
  messages: EventMessageOptions | undefined,
  scope: Scope,
): { readonly carries: boolean; readonly others: MessageOptions } {
  if (messages !== undefined && (typeof messages !== 'object' || messages === null))
    throw scope.error(`options.messages must be an object, got ${typeof messages}`);
  const { carry, ...others } = messages ?? {};
  scope.check({ carry }, { carry: 'boolean' });
  return { carries: carry === true, others };
}
