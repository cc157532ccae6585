/**
 * The wire: how fields are read from a carrier and written to it, what a traceparent and the other formats look like, and
 * the context keys by which propagators and the core find each other's values.
 *
 * `@throughline/propagators`, which is used without the rest of the core, is built on it.
 *
 * For packages of this repository, which are released together. It does not follow semantic versioning.
 *
 * @internal
 * @module
 */

// Carriers.

export {
  type CarrierSetter,
  carrierGetter,
  carrierSetter,
  lines,
  MAX_LINES,
  readCarrier,
  readPrefixed,
  writeCarrier,
} from './carrier/carrier.ts';
export { FieldBudget, MAX_TRACE_STATE_BYTES } from './carrier/field-budget.ts';

// Forms.

export { firstOf, isOws, trimOws } from './carrier/ows.ts';
export { TRACE_FORMATS, type TraceFormat } from './carrier/trace-formats.ts';
export {
  isHexId,
  MAX_TRACEPARENT_LENGTH,
  printTraceparent,
  RANDOM_FLAG,
  readTraceparent,
} from './carrier/traceparent.ts';
export {
  MAX_XRAY_LENGTH,
  printXRayHeader,
  readXRayHeader,
  type XRayHeader,
} from './carrier/x-ray-header.ts';

// Values in a context.

export {
  CONFLICTS_KEY,
  conflictingSpanContexts,
  EXTRACTED_KEY,
  PARENTLESS_KEY,
} from './context/context-keys.ts';
export { isTracingSuppressed } from './context/tracing-suppression.ts';

// Set-up.

export { findWrongOption } from './setup/option-check.ts';
