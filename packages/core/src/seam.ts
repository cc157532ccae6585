/**
 * The seam between the core and the packages that trace a transport. A package takes four steps with it, in the order of
 * this page: it is set up, finds out what a carrier brings, records the work, and writes the context into what it sends.
 * `CONTRIBUTING.md` shows the steps by a server and a client of ten lines each. What `@throughline/carrier` and
 * `@throughline/guard` have for such packages is exported here, too.
 *
 * For packages of this repository, which are released together. It does not follow semantic versioning.
 *
 * @internal
 * @module
 */

// 1. Set-up. A `Scope` names the package in errors and in telemetry, checks options, and finds tracer and instruments.

export { isNames, isPropagator, type OptionRules, typeName } from '@throughline/guard';
export { registeredApi } from './setup/registered-api.ts';
export { Scope } from './setup/scope.ts';
export * as semconv from './setup/semantic-conventions.ts';

// 2. What a carrier brings. `receive` extracts it; a trust decision says what of it `admit` lets in.

export { nodeHeaderGetter } from '@throughline/carrier';
export {
  type Admission,
  type Arrival,
  admit,
  admitBaggage,
  outcomeOf,
  receive,
} from './propagation/arrival.ts';
export { isTraceHeader } from './propagation/extraction-outcome.ts';
export { passesTraceOn } from './propagation/pass-through.ts';
export { fieldsWritten, propagatorOf } from './propagation/propagator-in-force.ts';
export { RateLimit } from './propagation/rate-limit.ts';
export { createTrustDecider, isTrustPolicy, TRUST_FORMS } from './propagation/trust.ts';

// 3. The work. An `Operation` starts, runs, fails, ends and measures it; what is ignored or suppressed makes no span.

export { contextWith, isTracingSuppressed, suppressTracing } from '@throughline/carrier';
export { ignoreRequest, isIgnoredRequest } from './context/ignored-request.ts';
export { errorType } from './operation/error-type.ts';
export { extraAttributes } from './operation/extra-attributes.ts';
export { follow } from './operation/follow.ts';
export type { DescribableSpan, RequestHookState, ResponseHookState } from './operation/hook-state.ts';
export { measureBy } from './operation/measure-by.ts';
export { namedRoute, nameRoute } from './operation/named-route.ts';
export { type Failure, type Measure, Operation, type OperationResult } from './operation/operation.ts';

// 4. What is sent. `filterBaggage` decides which baggage leaves, and `fieldsOf` returns the fields to write. Objects of the
// application are not changed: `withMembers` returns one like them.

export { mergedBaggage, viewWithMembers, withMembers } from '@throughline/carrier';
export { filterBaggage } from './baggage/baggage-filter.ts';
export { isPrivateHost } from './baggage/private-host.ts';
export { fieldsOf, replacedFields } from './propagation/propagation.ts';

// Throughout. Faults are reported instead of thrown, and no secret is recorded.

export {
  createRedaction,
  guarded,
  isSecretHeader,
  type Redaction,
  redaction,
  reportOnce,
  type SecretSources,
} from '@throughline/guard';

// What else is in this process: other copies of this package, other tracers, and who called.

export { channels, isHeldApart, nodeModule, sharedByCopies } from '@throughline/guard';
export { type OtherTracer, unregisteredTracer, writesIntoUndici } from './propagation/other-tracers.ts';
export { callerOf } from './setup/caller-of.ts';
