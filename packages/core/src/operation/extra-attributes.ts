import type { Attributes } from '@opentelemetry/api';
import { guarded } from '../setup/guard.ts';

/** What the user's function adds; neither it nor what it returns can be relied on. */
export function extraAttributes<R>(
  attributes: ((request: R) => Attributes) | undefined,
  request: R,
): Attributes {
  const cause = 'options.attributes threw';
  const returned = guarded(cause, () => attributes?.(request));
  return guarded(cause, () => ({ ...returned }), {});
}
