import { type Baggage, type Context, propagation } from '@opentelemetry/api';
import { withoutBaggage } from '../propagation/pass-through.ts';

/** Which baggage entries pass: all, none, or those named. */
export type BaggageRule = 'keep' | 'drop' | readonly string[];

/**
 * Returns the context with the baggage that the rule lets pass. Baggage that is passed on unread passes whole or not at
 * all.
 */
export function filterBaggage(context: Context, rule: BaggageRule): Context {
  if (rule === 'keep') return context;
  const bare = withoutBaggage(context);
  if (rule === 'drop') return bare;
  const received = propagation.getBaggage(context);
  return received === undefined ? bare : propagation.setBaggage(bare, pick(received, rule));
}

function pick(baggage: Baggage, names: readonly string[]): Baggage {
  let picked = propagation.createBaggage();
  for (const name of names) {
    const entry = baggage.getEntry(name);
    if (entry !== undefined) picked = picked.setEntry(name, entry);
  }
  return picked;
}
