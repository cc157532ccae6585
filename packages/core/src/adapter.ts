/**
 * What Throughline's packages are built from: checks, guards and look-ups that every one of them needs.
 *
 * For packages of this repository, which are released together. It does not follow semantic versioning.
 *
 * @module
 */
export { filterBaggage } from './baggage-filter.ts';
export { isIgnoredRequest } from './context-keys.ts';
export { errorType } from './error-type.ts';
export { follow } from './follow.ts';
export { knownMethods, methodInName, OTHER_METHOD } from './http-method.ts';
export { httpInstruments } from './http-metrics.ts';
export { HTTP_OPTION_RULES } from './http-options.ts';
export { capturedHeaders, extraAttributes } from './http-server-attributes.ts';
export { Operation } from './operation.ts';
export { isPropagator, type OptionRules } from './option-check.ts';
export { writesIntoUndici } from './other-tracers.ts';
export { isPrivateHost } from './private-host.ts';
export { isTracingSuppressed, propagatorOf, suppressTracing } from './propagation.ts';
export { createRedaction, type Redaction, redaction } from './redaction.ts';
export { registeredApi } from './registered-api.ts';
export { guarded, reportOnce } from './report.ts';
export { Scope } from './scope.ts';
export { bareCalls, noteAsked } from './self-check/bare-calls.ts';
export { callsWithoutParent, noteCall } from './self-check/calls-without-parent.ts';
export * as semconv from './semantic-conventions.ts';
export { statusCodeOf } from './status-code.ts';
export { viewWithMembers, withMembers } from './with-members.ts';
