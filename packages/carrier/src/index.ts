/**
 * How fields are read from any carrier and written to it, what a traceparent and the other formats look like, and the
 * values by which propagators and the core find in a context what was read.
 *
 * For packages of this repository, which are released together. It does not follow semantic versioning.
 *
 * @internal
 * @module
 */

// Carriers.

export {
  type Carrier,
  type CarrierSetter,
  carrierGetter,
  carrierSetter,
  fieldText,
  lines,
  MAX_LINES,
  nodeHeaderGetter,
  readCarrier,
  readPrefixed,
  removeFromCarrier,
  writeCarrier,
} from './carrier.ts';
export { withSoleTraceparent } from './sole-traceparent.ts';
export { viewWithMembers, withMembers } from './with-members.ts';

// Forms.

export { MAX_BAGGAGE_BYTES, MAX_BAGGAGE_MEMBERS } from './forms/baggage-limits.ts';
export { FieldBudget, MAX_TRACE_STATE_BYTES, withinBudget } from './forms/field-budget.ts';
export { type FieldFault, legalField } from './forms/legal-field.ts';
export { mergedBaggage } from './forms/merged-baggage.ts';
export { firstOf, isOws, trimOws } from './forms/ows.ts';
export { formatOf, TRACE_FORMATS, type TraceFormat } from './forms/trace-formats.ts';
export {
  isHexId,
  isTraceparent,
  MAX_TRACEPARENT_LENGTH,
  printTraceparent,
  RANDOM_FLAG,
  readTraceparent,
  receivedFlags,
} from './forms/traceparent.ts';
export { MAX_XRAY_LENGTH, printXRayHeader, readXRayHeader, type XRayHeader } from './forms/x-ray-header.ts';

// Values in a context.

export {
  CONFLICTS_KEY,
  conflictingSpanContexts,
  EXTRACTED_KEY,
  isExtractedByOurs,
  namesParentlessTrace,
  PARENTLESS_KEY,
} from './context/context-keys.ts';
export { contextWith } from './context/context-with.ts';
export { isTracingSuppressed, suppressTracing } from './context/tracing-suppression.ts';
