import { type Context, propagation, ROOT_CONTEXT } from '@opentelemetry/api';

/** Returns the context with `tenant=blue` as baggage. */
export function withTenant(ctx: Context = ROOT_CONTEXT): Context {
  return propagation.setBaggage(ctx, propagation.createBaggage({ tenant: { value: 'blue' } }));
}
