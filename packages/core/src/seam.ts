/**
 * The seam between the core and the packages that trace a transport: what a carrier brought, one recorded operation, and
 * who is set up. `CONTRIBUTING.md` shows how a package for a transport is built from it.
 *
 * For packages of this repository, which are released together. It does not follow semantic versioning.
 *
 * @module
 */

// What a carrier brings, and who is trusted with it.
export { filterBaggage } from './baggage/baggage-filter.ts';
export { isPrivateHost } from './baggage/private-host.ts';
export { nodeHeaderGetter } from './carrier/carrier.ts';
export { mergedBaggage } from './carrier/merged-baggage.ts';
export { viewWithMembers, withMembers } from './carrier/with-members.ts';
export {
  ignoreRequest,
  isIgnoredRequest,
} from './context/context-keys.ts';
// Who is set up, and what else is in this process.
export { isHeldApart, shared } from './context/shared.ts';
export { isTracingSuppressed, suppressTracing } from './context/tracing-suppression.ts';
// One recorded operation.
export { errorType } from './operation/error-type.ts';
export { extraAttributes } from './operation/extra-attributes.ts';
export { follow } from './operation/follow.ts';
export { type Failure, type Measure, Operation } from './operation/operation.ts';
export {
  type Admission,
  type Arrival,
  admit,
  admitBaggage,
  outcomeOf,
  receive,
} from './propagation/arrival.ts';
export { isTraceHeader } from './propagation/extraction-outcome.ts';
export { type OtherTracer, unregisteredTracer, writesIntoUndici } from './propagation/other-tracers.ts';
export { passesTraceOn } from './propagation/pass-through.ts';
export { fieldsOf, replacedFields } from './propagation/propagation.ts';
export { fieldsWritten, propagatorOf } from './propagation/propagator-in-force.ts';
export { RateLimit } from './propagation/rate-limit.ts';
export {
  createTrustDecider,
  isTrustPolicy,
  TRUST_FORMS,
} from './propagation/trust.ts';
export type { SecretSources } from './redaction/known-secrets.ts';
export { createRedaction, isSecretHeader, type Redaction, redaction } from './redaction/redaction.ts';
export { callerOf } from './setup/caller-of.ts';
export { guarded, reportOnce } from './setup/guard.ts';
export { isNames, isPropagator, type OptionRules, typeName } from './setup/option-check.ts';
export { registeredApi } from './setup/registered-api.ts';
export { Scope } from './setup/scope.ts';
export * as semconv from './setup/semantic-conventions.ts';
