import type { Attributes } from '@opentelemetry/api';
import { guarded } from '@throughline/guard';

/**
 * Returns the attributes that the user's function adds. The function may throw, and what it returns may not be
 * attributes.
 */
export function extraAttributes<R>(
  attributes: ((request: R) => Attributes) | undefined,
  request: R,
): Attributes {
  const cause = 'options.attributes threw';
  const returned = guarded(cause, () => attributes?.(request));
  return guarded(cause, () => ({ ...returned }), {});
}
