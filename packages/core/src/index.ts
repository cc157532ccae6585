/**
 * What applications use of the core: carriers, the active context, baggage, and work that no request started.
 *
 * @module
 */

export { type Carrier, type CarrierSetter, carrierGetter, carrierSetter } from '@throughline/carrier';
export { baggageFields, getBaggageEntry, withBaggage } from './baggage/baggage.ts';
export type { BaggageRule } from './baggage/baggage-filter.ts';
export { activeContext, runInContext } from './context/active-context.ts';
export { detached } from './context/detached.ts';
export { type TracedJobOptions, tracedJob } from './operation/traced-job.ts';
export type { ExtractionOutcome } from './propagation/extraction-outcome.ts';
export { extractContext, type InjectOptions, injectContext } from './propagation/propagation.ts';
export type { ParentTrust, TrustDecision, TrustPolicy } from './propagation/trust.ts';
